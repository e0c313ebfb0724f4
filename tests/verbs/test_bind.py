"""`fairway binding` shows what a running service is told."""

import json
from pathlib import Path

import pytest

from fairway.cli import main

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"


def test_a_binding_is_printed_for_the_site_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Environment and region choose among the sites."""
    assert main(["binding", "orders", str(BOOKSHOP), "--environment", "production", "--region", "us-east-1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["service"], told["environment"], told["region"]) == ("orders", "production", "us-east-1")


def test_an_unknown_service_is_named_with_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the hand ends with exit code 2."""
    assert main(["binding", "order", str(BOOKSHOP)]) == 2
    assert "order: no service has this name. Name one of" in capsys.readouterr().err


def test_an_unknown_site_is_answered_with_the_sites_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A region of another environment is no site either."""
    assert main(["binding", "orders", str(BOOKSHOP), "--environment", "staging", "--region", "us-east-1"]) == 2
    assert "staging/us-east-1: is no site of the system. It has staging/eu-west-1" in capsys.readouterr().err
