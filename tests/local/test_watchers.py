"""Watchers of files: too few of them are told before an Envoy needs them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fairway_sdk.testing.servers.postgresql import has_namespaces

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not has_namespaces(), reason="needs a namespace of its own, to have few watchers in"
)
HELLO = Path(__file__).parents[2] / "examples" / "hello"


def in_need(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python where a user may have three watchers, as nobody else of this machine does."""
    few = 'echo 3 > /proc/sys/user/max_inotify_instances && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", few, "sh", sys.executable, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=60)


def test_too_few_watchers_are_told_with_what_allows_more(tmp_path: Path) -> None:
    """And none is kept by the question."""
    asked = "from fairway.local.watchers import require; require(3); require(3); print('enough'); require(9)"
    done = in_need("-c", asked, cwd=tmp_path)
    assert done.stdout == "enough\n"
    assert "Envoy: 9 watchers of files are needed, and this machine lets a user have 3 more." in done.stderr
    assert "sysctl fs.inotify.max_user_instances=" in done.stderr


def test_up_says_so_for_all_proxies_together_and_starts_nothing(tmp_path: Path) -> None:
    """One Envoy that gets too few ends in a crash, and the next one would take what it leaves."""
    shutil.copy(HELLO / "fairway.yaml", tmp_path)
    done = in_need("-m", "fairway", "up", cwd=tmp_path)
    assert done.returncode == 2
    [said] = done.stderr.splitlines()
    assert said.startswith("Envoy: ")
    assert "lets a user have 3 more" in said
    assert not list((tmp_path / ".fairway" / "logs").glob("gateway*"))
