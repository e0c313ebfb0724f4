"""Audit estates that are damaged at random, each made from its number, and say where an audit breaks its promises.

A number is one estate as long as the checkout is the same: what we build ourselves is among what is damaged.

python scripts/damaged_estates.py --count 100000     tell how many, how long, and what is wrong with which
python scripts/damaged_estates.py --first 4711 --count 1 --keep DIR     the same estate again, and write it to DIR
"""

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests/samples"))

from damage import families
from damage_judged import faults, standard, write

SLOW = 30  # seconds of one audit, after which it counts as one that never ends


def audited(number: int) -> tuple[int, float, list[str]]:
    """Audit one; give its number, its seconds and its faults."""
    start = time.perf_counter()
    signal.alarm(SLOW)
    found = faults(number, Path(tempfile.gettempdir()) / f"damaged-{os.getpid()}")
    signal.alarm(0)
    return number, time.perf_counter() - start, found


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"not done after {SLOW} s")


def _prepare() -> None:
    signal.signal(signal.SIGALRM, _too_slow)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process answers it


def main() -> int:
    """Run them; 1 where an audit broke a promise."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--count", type=int, default=1000, help="default: 1000")
    asked.add_argument("--first", type=int, default=0, help="the first number (default: 0)")
    asked.add_argument("--processes", type=int, default=1, help="default: 1")
    asked.add_argument("--keep", type=Path, metavar="DIR", help="write the first estate there and do no more")
    options = asked.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True)
        os.chdir(options.keep)
        write(options.first)
        return 0
    families(), standard()  # once, before the processes part
    start, broken, slowest = time.perf_counter(), 0, (0.0, 0)
    numbers = range(options.first, options.first + options.count)
    with multiprocessing.get_context("fork").Pool(options.processes, _prepare) as pool:
        for done, (number, seconds, found) in enumerate(pool.imap_unordered(audited, numbers, 16), 1):
            slowest = max(slowest, (seconds, number))
            if found:
                broken += 1
                print(f"{number}: {len(found)} faults, first: {found[0].rstrip()}", flush=True)
            if done % 10_000 == 0:
                print(f"{done:,} after {time.perf_counter() - start:.0f} s, {broken} of them broken", flush=True)
    seconds = time.perf_counter() - start
    each = 1000 * seconds / options.count
    print(
        f"{options.count:,} estates from number {options.first} in {seconds:.0f} s, {each:.1f} ms each: {broken} broken"
    )
    print(f"the slowest took {slowest[0]:.2f} s: number {slowest[1]}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
