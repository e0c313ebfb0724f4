"""Start a Docker engine of the tests' own with the base image in it, and stop it: `docker_engine.py start|stop`.

For machines that run nothing but tests: needs root, dockerd and debootstrap, and says which of them is missing; an
engine that runs already is used as it is and left alone. All it writes is in the environment's own folder.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from fairway.core.images import IMAGES

FOLDER = Path(sys.prefix, "docker-engine")
PID = FOLDER / "pid"
STARTS_WITHIN = STOPS_WITHIN = 30.0  # seconds
ISOLATED = (
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
)  # builds and containers need no network of its own


def docker(*words: str) -> bool:
    """Tell whether the client succeeds."""
    return subprocess.run(["docker", *words], capture_output=True, check=False).returncode == 0  # noqa: S603, S607 - fixed words


def start() -> str:
    """Start the engine and make the base image; give what was done, or why it could not be."""
    if os.geteuid() or (missing := [name for name in ("docker", "dockerd", "debootstrap") if not shutil.which(name)]):
        return f"no Docker engine: {', '.join(missing) + ' not installed' if not os.geteuid() else 'not root'}"
    if not docker("version"):
        FOLDER.mkdir(exist_ok=True)
        places = (f"--data-root={FOLDER}/data", f"--exec-root={FOLDER}/exec", f"--pidfile={PID}")
        with (FOLDER / "log").open("wb") as log:
            subprocess.Popen(["dockerd", *ISOLATED, *places], stdout=log, stderr=log, start_new_session=True)  # noqa: S603, S607 - fixed words
        end = time.monotonic() + STARTS_WITHIN
        while not docker("version"):
            if time.monotonic() > end:
                return f"no Docker engine: it does not answer: {(FOLDER / 'log').read_text()[-300:]}"
            time.sleep(0.5)
    if not docker("image", "inspect", IMAGES["python-slim"]):
        made = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, Path(__file__).with_name("base_image.py")], capture_output=True, text=True, check=False
        )
        if made.returncode:
            return f"a Docker engine without its base image: {made.stderr[-300:]}"
    return f"a Docker engine with {IMAGES['python-slim']}"


def stop() -> str:
    """End the engine that `start` started, and delete what it wrote."""
    if not PID.exists():
        return "no Docker engine of the tests' own runs"
    number = int(PID.read_text())
    os.kill(number, signal.SIGTERM)
    end = time.monotonic() + STOPS_WITHIN
    while Path(f"/proc/{number}").exists() and time.monotonic() < end:
        time.sleep(0.2)
    shutil.rmtree(FOLDER, ignore_errors=True)
    return "the Docker engine is stopped"


if __name__ == "__main__":
    print({"start": start, "stop": stop}[sys.argv[1]]())
