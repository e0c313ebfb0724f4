"""Real processes, killed for real: the short run of benchmarks/saga_crash.py."""

import subprocess
import sys
from pathlib import Path

from fairway_sdk.testing.servers import PostgreSQL

CRASH = Path(__file__).parents[3] / "benchmarks" / "saga_crash.py"


def test_checkouts_survive_the_killing_of_their_orchestrators(postgresql: PostgreSQL) -> None:
    """Every one ends, no effect happens twice, stock and money add up."""
    assert postgresql.socket.exists()  # the run has a server of its own, and is skipped where there is none
    command = [sys.executable, str(CRASH), "--checkouts", "40", "--workers", "4", "--seed", "3"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill" in done.stdout, "something was killed"
