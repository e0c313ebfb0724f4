"""Measure `fairway build` and `build --check` of generated systems in two regions, in CPU seconds of a whole process.

`python benchmarks/build_speed.py [--sizes 250,1000]`
"""

import argparse
import tempfile
from pathlib import Path

from generated_system import generate
from plan_speed import cpu_seconds


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="250,1000")
    for size in map(int, parser.parse_args().sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            facts = Path(folder) / "fairway.yaml"
            facts.write_text(generate(size), encoding="utf-8")
            built = cpu_seconds(["build", folder], 1)
            same = cpu_seconds(["build", folder, "--check"], 1)
            files = sum(path.is_file() for path in (Path(folder) / "deploy").rglob("*"))
        print(f"{size:>6} services, {files:>6} files: build {built:6.2f} s CPU, build --check {same:6.2f} s CPU")


if __name__ == "__main__":
    main()
