"""Measure what it costs to load fairway.yaml: reading, checking every fact and every reference."""

import argparse
import tempfile
import time
from pathlib import Path

from generated_system import generate

from fairway.declaration.load import load

ROUNDS = 3
SIZES = (1_000, 10_000)


def seconds(file: Path) -> float:
    """Measure the CPU time of loading *file* once."""
    start = time.process_time()
    loaded = load(file)
    spent = time.process_time() - start
    del loaded
    return spent


def main() -> None:
    """Print the best of several rounds for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, nargs="*", default=SIZES, metavar="N", help="sizes (1000 10000)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"how many rounds ({ROUNDS})")
    options = parser.parse_args()
    print(f"{'services':>10}{'MB':>8}{'CPU s':>8}{'CPU s per 1,000':>18}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "fairway.yaml")
        for services in options.services:
            file.write_text(generate(services))
            best = min(seconds(file) for _ in range(options.rounds))
            megabytes = file.stat().st_size / 1e6
            print(f"{services:>10,}{megabytes:>8.2f}{best:>8.2f}{best / services * 1000:>18.3f}")


if __name__ == "__main__":
    main()
