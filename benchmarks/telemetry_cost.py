"""Measure what telemetry costs: CPU and memory of the console's process, idle and for each 1,000 requests."""

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

BOOKSHOP = Path(__file__).parents[1] / "examples" / "bookshop"
IDLE = 20.0  # seconds
REQUESTS = 1_000
SETTLES = 5.0  # seconds until what was asked has been told
WAITS = 0.3  # seconds, where the gateway's limit of one reader is reached
PATH = "/storefront/books"  # gateway, storefront, inventory, and four proxies: eight spans


def fairway(folder: Path, *words: str) -> str:
    """Run a command of Fairway, and give what it says."""
    command = [sys.executable, "-m", "fairway", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def cpu(pid: int) -> float:
    """Tell how many seconds of CPU a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Tell how many MiB of memory a process takes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def ask(gateway: str, token: str, count: int) -> Counter[int]:
    """Ask one after the other until so many were answered well; who is told to wait waits. Count answers by status."""
    connection = http.client.HTTPConnection(gateway.removeprefix("http://"), timeout=10)
    found: Counter[int] = Counter()
    while found[http.client.OK] < count:
        connection.request("GET", PATH, headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        found[answer.status] += 1
        if answer.status != http.client.OK:
            time.sleep(WAITS)
    connection.close()
    return found


def main() -> None:
    """Print CPU and memory of each process of telemetry, and of the proxies beside them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS, metavar="N", help=f"how many ({REQUESTS})")
    parser.add_argument("--idle", type=float, default=IDLE, metavar="S", help=f"how long nothing is asked ({IDLE:g})")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "shop")
        shutil.copytree(BOOKSHOP, folder, ignore=shutil.ignore_patterns(".fairway", "__pycache__", "deploy"))
        try:
            fairway(folder, "up", "--detach")
            measure(folder, options.requests, options.idle)
        finally:
            fairway(folder, "down", "--delete-data", "--yes")


def measure(folder: Path, requests: int, idle: float) -> None:
    """Measure a system that is up."""
    status = json.loads(fairway(folder, "status", "--format", "json"))
    token = fairway(folder, "token", "--user", "ann", "--tenant", "riverside").strip()
    pids = {one["name"]: one["pid"] for one in status["processes"] if one["part"] in {"telemetry", "proxy"}}
    ask(status["gateway"], token, 20)
    time.sleep(SETTLES)
    start = {name: cpu(pid) for name, pid in pids.items()}
    time.sleep(idle)
    rested = {name: cpu(pid) for name, pid in pids.items()}
    began = time.monotonic()
    answers = ask(status["gateway"], token, requests)
    took = time.monotonic() - began
    time.sleep(SETTLES)
    end = {name: cpu(pid) for name, pid in pids.items()}
    print(f"{requests:,} requests in {took:.1f} s; answers by status: {dict(answers)}")
    print(f"{'process':14}{'idle, % of a core':>20}{'CPU s per 1,000':>18}{'MiB':>8}")
    for name, pid in sorted(pids.items()):
        resting = (rested[name] - start[name]) / idle
        busy = (end[name] - rested[name] - resting * (took + SETTLES)) / requests * 1_000
        print(f"{name:14}{resting * 100:>20.2f}{busy:>18.2f}{resident(pid):>8.0f}")


if __name__ == "__main__":
    main()
