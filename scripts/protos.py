"""Write the Python of the bookshop's protos anew: `.venv/bin/python scripts/protos.py`."""

import subprocess
import sys
from pathlib import Path

PROTOS = Path(__file__).parents[1] / "examples" / "bookshop" / "protos"


def main() -> int:
    """Generate messages, stubs, and their types beside each .proto file."""
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("bookshop_protos/*.proto"))
    kinds = ("python", "grpc_python", "mypy", "mypy_grpc")
    outputs = [f"--{kind}_out=." for kind in kinds]
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=.", *outputs, *files]
    path = str(Path(sys.executable).parent)  # where the plugins are
    return subprocess.run(  # noqa: S603 - our own command
        command, check=False, cwd=PROTOS, env={"PATH": path}
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
