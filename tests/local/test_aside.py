"""Work in a fork leaves its result and nothing else."""

import subprocess
import sys

import pytest

from fairway.core.errors import FairwayError
from fairway.local.aside import aside

LOADED = """
import sys
from fairway.local.aside import aside

def work():
    import decimal
    return str(decimal.Decimal("1.5"))

print(aside(work), "decimal" in sys.modules)
"""


def test_what_the_work_loads_is_gone() -> None:
    """That is what it is for: certificates are made once a day by a library of eight megabytes."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1.5", "False"]


def test_a_failure_is_told_in_its_own_words() -> None:
    """It is one of ours with a sentence, as if the work had been done here."""

    def work() -> int:
        raise FairwayError("fairway.yaml: is not there. Write it.")

    with pytest.raises(FairwayError, match=r"Write it\."):
        aside(work)


def test_a_watching_process_does_not_hold_the_library_of_certificates() -> None:
    """`fairway up` stays for days."""
    words = "import sys, fairway.verbs.up; print(any(name.startswith('cryptography') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
