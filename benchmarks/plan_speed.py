"""Measure whole processes: start-up, the plan of the bookshop, and plans of generated systems, in CPU seconds.

`python benchmarks/plan_speed.py [--runs N] [--most SERVICES]` prints the least of N runs of each, and how the large
plans compare with the one of 1,000 services.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from generated_system import generate

ROOT = Path(__file__).parents[1]
SIZES = (1_000, 3_000, 10_000)


def cpu_seconds(arguments: Sequence[str], runs: int) -> float:
    """Run the command line *runs* times; give the least user and system time of one run."""
    command = [sys.executable, "-m", "fairway", *arguments]
    least = float("inf")
    for _ in range(runs):
        before = os.times()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        spent = after.children_user - before.children_user + after.children_system - before.children_system
        least = min(least, spent)
    return least


def main() -> None:
    """Print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    options = parser.parse_args()
    print(f"fairway --version           {cpu_seconds(['--version'], options.runs):7.3f} s CPU   (to reach: 0.15)")
    bookshop = str(ROOT / "examples" / "bookshop")
    for shape in ("text", "json", "svg"):
        spent = cpu_seconds(["plan", bookshop, "--format", shape], options.runs)
        print(f"plan of the bookshop, {shape:<4}  {spent:7.3f} s CPU   (to reach: 0.4)")
    with tempfile.TemporaryDirectory() as folder:
        base = 0.0
        for size in (size for size in SIZES if size <= options.most):
            facts = Path(folder) / f"{size}.yaml"
            facts.write_text(generate(size), encoding="utf-8")
            spent = cpu_seconds(["plan", str(facts)], min(options.runs, 3))
            base = base or spent / size
            ratio = spent / size / base
            print(f"plan of {size:>6} services     {spent:7.3f} s CPU   {ratio:.2f} times the first, per service")


if __name__ == "__main__":
    main()
