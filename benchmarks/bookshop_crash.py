"""Checkouts in the real bookshop while processes are killed at random: does every order end, and do the books agree?

Two replicas of orders, and one each of inventory, payments and shipping, are killed as by a power cut and started anew,
one after the other, while readers order. In the end stock, money and parcels are held against what the
orders say. Exits with 1 where anything disagrees. Needs what `make install` installs.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "examples" / "bookshop" / "outside")]

import checkouts  # noqa: E402 - found by the line above
from bookshop_system import Bookshop  # noqa: E402 - likewise

VICTIMS = ("orders", "inventory", "payments", "shipping")


def main() -> int:
    """Run it, and print the account."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", type=int, nargs="?", default=1000)
    parser.add_argument("--every", type=float, default=0.1, help="seconds between a return and the next kill")
    parser.add_argument("--at-once", type=int, default=6, help="readers who order at the same time")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    options = parser.parse_args()
    begun = time.monotonic()
    with (
        TemporaryDirectory(prefix="fw-") as folder,
        Bookshop(Path(folder), *VICTIMS, replicas={"orders": 2}) as shop,
    ):
        up = time.monotonic() - begun
        try:
            account = asyncio.run(
                checkouts.run(shop, options.checkouts, VICTIMS, options.every, options.seed, options.at_once)
            )
        except BaseException:
            _tell_errors(shop)
            raise
        if account.faults:
            _tell_errors(shop)
    kills = ", ".join(f"{name} {count}" for name, count in sorted(account.kills.items()))
    states = ", ".join(f"{count} {state}" for state, count in sorted(account.states.items()))
    print(f"{options.checkouts} checkouts, seed {options.seed}: {states}")
    print(f"{sum(account.kills.values())} kills ({kills}); {account.seconds:.0f} s, after {up:.0f} s to start")
    print("\n".join(account.faults) or "every order ended; stock, money and parcels agree with the orders")
    return 1 if account.faults else 0


def _tell_errors(shop: Bookshop) -> None:
    """Print what the services took for errors: their logs go away with the shop."""
    for replica in shop.replicas:
        for line in replica.log.splitlines():
            if not line.startswith("{") or '"level":"error"' in line:
                print(f"{replica.name}: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
