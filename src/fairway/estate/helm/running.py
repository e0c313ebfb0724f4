"""Run helm: one command, no shell, no network, none of the user's own settings; bounded in time and output."""

import os
import re
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Final

import msgspec

SECONDS: Final = 60.0
LARGEST: Final = 32 * 1024 * 1024  # bytes of what a chart renders
LONGEST: Final = 400  # characters of what helm says is wrong
_NOISE: Final = re.compile(r"\s*Use --debug flag to render out invalid YAML\s*|^(?:Error: )+|\x1b\[[\d;]*m")


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What a command printed; where it failed, the sentence that says why."""

    text: str = ""
    fault: str = ""


def rendered(helm: str, home: str, arguments: Sequence[str]) -> Output:
    """Run `helm template` with these arguments; *home* is an empty folder, the only one that helm knows."""
    command = [helm, "template", *arguments, "--skip-tests"]
    variables = {name: f"{home}/{name}" for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
    settings = {"HOME": home, "PATH": os.defpath, "KUBECONFIG": f"{home}/none", "LC_ALL": "C.UTF-8", **variables}
    try:
        with subprocess.Popen(  # noqa: S603 - the program that the user chose, and no shell
            command, cwd=home, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as running:
            return _followed(running)
    except OSError as error:
        return Output(fault=f"{helm} does not run: {error.strerror or error}")


def _followed(running: subprocess.Popen[bytes]) -> Output:
    assert running.stdout is not None
    assert running.stderr is not None
    late = threading.Timer(SECONDS, running.kill)
    late.daemon = True
    late.start()
    said = bytearray()
    listener = threading.Thread(target=_drain, args=(running.stderr, said), daemon=True)
    listener.start()
    data = running.stdout.read(LARGEST + 1)
    if len(data) > LARGEST:
        running.kill()
        late.cancel()
        return Output(fault=f"it renders more than {LARGEST:,} bytes")
    code = running.wait()
    timely = late.is_alive()
    late.cancel()
    listener.join(1)
    if code == 0:
        return Output(text=data.decode("utf-8", "replace"))
    if not timely:
        return Output(fault=f"helm was not done after {SECONDS:.0f} seconds")
    return Output(fault=_sentence(said.decode("utf-8", "replace")) or f"helm ended with code {code} and no word")


def _drain(stream: IO[bytes], kept: bytearray) -> None:
    """Read a stream to its end, and keep what a person would read of it."""
    while some := stream.read1(65_536):  # type: ignore[attr-defined]  # a pipe is buffered
        kept += some[: max(0, 65_536 - len(kept))]


def _sentence(said: str) -> str:
    """Give helm's own words for what is wrong: its last paragraph that begins with Error, in one line."""
    wrong = said[said.rfind("Error: ") :] if "Error: " in said else said
    line = " ".join(_NOISE.sub("", wrong.strip()).split())
    shown = "".join(letter if letter.isprintable() else "?" for letter in line)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
