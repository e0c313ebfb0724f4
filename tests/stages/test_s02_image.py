"""A built Dockerfile builds, and what it builds starts: without a shell, without root, without what is kept out.

Needs a Docker engine with the base image, or a stand-in for it (scripts/base_image.py); says why where it skips.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairway.core.facts import System
from fairway.core.images import IMAGES
from fairway.core.profile import survey
from fairway.stages.s02_containers.build import pages

ROOT = Path(__file__).parents[2]
IMAGE = "fairway.test/shop/greeter:1.0.0"
SERVICE = 'from fairway_sdk.service import Service\n\nservice = Service("greeter")\n'
READY = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9000/readyz', timeout=5).status)"


def docker(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the client; BuildKit is asked for by the engine's own name for it."""
    program = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"  # the engine's own client, if there
    environment = {"DOCKER_BUILDKIT": "1", **os.environ}
    return subprocess.run(
        [program, *words], capture_output=True, text=True, check=False, timeout=timeout, env=environment
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out a repository as containers/README.md says: code, wheels, lock and the built recipe."""
    if shutil.which("docker") is None or docker("version").returncode:
        pytest.skip("NOT BUILT: no Docker engine answers (make engine)")
    if docker("image", "inspect", IMAGES["python-slim"]).returncode:
        pytest.skip(f"NOT BUILT: the engine has no image {IMAGES['python-slim']} (make engine)")
    root = tmp_path_factory.mktemp("repository")
    code = root / "services/greeter"
    (code / "greeter").mkdir(parents=True)
    (code / "greeter/__init__.py").touch()
    (code / "greeter/service.py").write_text(SERVICE)
    (code / ".env").write_text("PASSWORD=open-sesame\n")
    facts = {"system": "shop", "version": "1.0.0", "services": {"greeter": {}}}
    for page in pages(survey(msgspec.convert(facts, System))):
        file = root / "deploy" / page.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page.text)
    wheel = [sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", str(root / "wheels"), str(ROOT / "sdk")]
    version = docker("run", "--rm", "--network", "none", IMAGES["python-slim"], "python", "--version").stdout.split()[1]
    lock = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--generate-hashes", "--python-version", version),
        *("--no-emit-package", "fairway-sdk", "deploy/containers/greeter/requirements.in"),
        *("--output-file", "services/greeter/requirements.txt"),
    ]
    for command in (wheel, lock):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            pytest.skip(f"NOT BUILT: {' '.join(command[3:6])} failed: {done.stderr[-300:]}")
    return root


@pytest.fixture(scope="module")
def container(folder: Path) -> Iterator[str]:
    """Build the image as the README says, and start it as a cluster would: read-only, without any capability."""
    recipe = "deploy/containers/greeter/Dockerfile"
    settings = folder / "pip.conf"
    settings.write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ndefault-timeout = 120\n")
    secret = f"id=pip,src={settings}"
    words = (
        "build",
        "--network",
        "host",
        "--secret",
        secret,
        "--file",
        str(folder / recipe),
        "--tag",
        IMAGE,
        str(folder),
    )
    done = docker(*words, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    config = folder / "config"
    config.mkdir()
    (config / "binding.json").write_text('{"service": "greeter"}\n')
    hardened = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108
    mounted = f"{config}:/etc/fairway/config:ro"
    started = docker("run", "--detach", "--network", "none", *hardened, "--volume", mounted, IMAGE)
    assert started.returncode == 0, started.stderr
    yield started.stdout.strip()
    docker("rm", "--force", started.stdout.strip())
    docker("image", "rm", IMAGE)


def inside(container: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run something in the container."""
    return docker("exec", container, *words)


def test_it_starts_and_says_that_it_is_ready(container: str) -> None:
    """With a read-only root and nothing but its binding."""
    for _ in range(40):
        if inside(container, "python", "-c", READY).stdout.strip() == "200":
            return
        time.sleep(0.5)
    pytest.fail(docker("logs", container).stdout[-2000:])


def test_nothing_to_build_or_look_around_with_is_in_it(container: str) -> None:
    """No shell, no package manager, no pip, no compiler; and nobody is root."""
    for program in ("/bin/sh", "/bin/bash", "/usr/bin/apt-get", "/usr/bin/dpkg", "/usr/bin/gcc", "pip"):
        assert inside(container, program, "--version").returncode != 0, program
    code = "import importlib.util as i, os; print(os.getuid(), i.find_spec('pip'), i.find_spec('ensurepip'))"
    assert inside(container, "python", "-c", code).stdout.split() == ["65532", "None", "None"]


def test_what_is_kept_out_is_not_in_any_layer(container: str, folder: Path) -> None:
    """Neither in the files nor in the history nor in the environment."""
    code = "import os; print(sorted(os.listdir('/opt/app/code')))"
    assert inside(container, "python", "-c", code).stdout.strip() == "['greeter', 'requirements.txt']"
    packed = folder / "image.tar"
    assert docker("save", "--output", str(packed), IMAGE, timeout=300).returncode == 0
    assert b"open-sesame" not in packed.read_bytes()
    assert "open-sesame" not in docker("history", "--no-trunc", IMAGE).stdout
