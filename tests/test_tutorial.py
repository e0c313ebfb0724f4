"""What the tutorial shows is what a newcomer gets: its files are written and its commands run, from top to bottom."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tutorial-write-a-service.md"
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tutorial_can_be_followed_word_by_word(tmp_path: Path) -> None:
    """A named block is a file; one that begins with $ is typed into one shell; '...' stands for what is left out."""
    files = commands = 0
    for name, content in BLOCK.findall(PAGE.read_text()):
        if name:
            files += 1
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        elif content.startswith("$ "):
            commands += 1
            _type(content, tmp_path)
    assert (files, commands) == (10, 4), "a page without blocks would pass"


def _type(block: str, folder: Path) -> None:
    lines = block.splitlines()
    typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    shown = [line for line in lines if not line.startswith("$ ")]
    done = subprocess.run(
        ["bash", "-c", "\n".join(typed)],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    pattern = "".join(re.escape(line).replace(r"\.\.\.", ".*") + "\n" for line in shown)
    assert re.fullmatch(pattern, done.stdout), f"{typed} printed:\n{done.stdout}"
