"""What services are forked from: what it loads, when it ends, and bytecode that is kept where it may not be beside."""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from fairway.local import forking
from fairway.local.fork_server import LOADED
from fairway.local.preloading import FORKS, begin

LISTS = [LOADED, forking.CALLS, forking.REST, forking.GRPC, forking.EVENTS, forking.PERSONAL, forking.FLAGS]
LISTS += [forking.WORKFLOWS, *forking.BY_KIND.values()]


def test_every_module_of_ours_that_is_loaded_in_advance_is_there() -> None:
    """One that is misspelt would be left out in silence: what is not installed may be missing."""
    names = {name for found in LISTS for name in found if name.startswith("fairway_sdk")}
    assert len(names) > 15
    assert {name for name in names if find_spec(name) is None} == set()


@pytest.mark.skipif(not FORKS, reason="nothing is forked on this system")
def test_one_that_nobody_needs_after_all_ends_and_may_be_ended_twice() -> None:
    """As where the facts are faulty."""
    begun = begin()
    assert begun is not None
    assert begun.process.poll() is None
    begun.end()
    assert begun.process.poll() is not None
    begun.end()


@pytest.mark.skipif(not FORKS, reason="nothing is forked on this system")
def test_one_whose_starter_dies_ends_by_itself() -> None:
    """It is in a session of its own, so no signal of a terminal reaches it."""
    told = "from fairway.local.preloading import begin; import os; print(begin().pid, flush=True); os._exit(1)"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False, timeout=30)
    pid = int(found.stdout)
    for _ in range(3000):
        if not (stat := Path(f"/proc/{pid}/stat")).exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("it goes on for ever")


@pytest.mark.parametrize("forbidden", [True, False])
def test_bytecode_goes_to_a_cache_where_it_may_not_be_beside_the_code(tmp_path: Path, *, forbidden: bool) -> None:
    """And stays beside it everywhere else."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "compiled.py").touch()
    told = "from fairway.local.bytecode import keep_bytecode; keep_bytecode(); import os, subprocess, sys;"
    told += "subprocess.run([sys.executable, '-c', 'import compiled'], cwd='code', check=True)"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept |= {"XDG_CACHE_HOME": str(tmp_path / "caches")} | ({"PYTHONDONTWRITEBYTECODE": "1"} if forbidden else {})
    subprocess.run([sys.executable, "-c", told], cwd=tmp_path, env=kept, check=True, timeout=30)
    beside = list((tmp_path / "code").rglob("*.pyc"))
    cached = [path for path in (tmp_path / "caches").rglob("compiled*.pyc") if "fairway" in path.parts]
    assert (len(beside), len(cached)) == ((0, 1) if forbidden else (1, 0))
