"""Make a stand-in for the Python base image from Debian's packages and this interpreter, where no registry is reached.

Needs root, debootstrap and a Docker engine (apt-get install docker.io debootstrap). What is built on it proves the
recipe, and is released nowhere: `python scripts/base_image.py`.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fairway.core.images import IMAGES

LIBRARIES = "ca-certificates,libssl3,libffi8,libsqlite3-0,libreadline8,libbz2-1.0,liblzma5,tzdata,libncursesw6,libuuid1"
PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*words: str | Path) -> None:
    """Run a command, and stop where it fails."""
    subprocess.run([str(word) for word in words], check=True)  # noqa: S603 - its words are in this file


def main(suite: str) -> None:
    """Lay out a small Debian of the host's release, put the interpreter into it, and import it under the name."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        run("debootstrap", "--variant=minbase", f"--include={LIBRARIES}", suite, root)
        for part in ("bin", "lib"):
            shutil.copytree(Path(sys.base_prefix, part), root / "usr/local" / part, symlinks=True, dirs_exist_ok=True)
        library = next((root / "usr/local/lib").glob("python3.*"))
        shutil.rmtree(library / "site-packages")
        (library / "site-packages").mkdir()
        (root / "usr/local/bin/python").unlink(missing_ok=True)
        (root / "usr/local/bin/python").symlink_to(library.name)
        authorities = Path("etc/ssl/certs/ca-certificates.crt")  # of the host, whose way out may have its own
        shutil.copyfile(Path("/") / authorities, root / authorities)
        run("chroot", root, "ldconfig")
        run("chroot", root, "/usr/local/bin/python", "-m", "ensurepip")
        (root / "usr/local/bin/pip").unlink(missing_ok=True)
        (root / "usr/local/bin/pip").symlink_to("pip3")
        packed = Path(folder, "root.tar")
        run("tar", "-C", root, "-cf", packed, ".")
        run("docker", "import", "--change", f"ENV {PATH}", packed, IMAGES["python-slim"])


def release() -> str:
    """Name the host's release of Debian."""
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2]
    return "stable"


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else release())
