"""The plan as a line map."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fairway.cli import main

ROOT = Path(__file__).parents[2]


def drawn(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Draw the bookshop; the picture is well-formed."""
    assert main(["plan", str(ROOT / "examples" / "bookshop"), "--format", "svg", *options]) == 0
    picture = capsys.readouterr().out
    assert ET.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own output
    return picture


def test_the_map_shows_every_stage_service_and_detour(capsys: pytest.CaptureFixture[str]) -> None:
    """Eleven stations, eight lines, and the concern of each detour."""
    picture = drawn(capsys)
    for word in ("Orchestration", "Recovery", "storefront", "activity", "persistence first", "control plane"):
        assert f">{word}<" in picture


def test_one_service_can_be_drawn_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The others are left out."""
    picture = drawn(capsys, "--service", "payments")
    assert ">payments<" in picture
    assert ">storefront<" not in picture


def test_the_picture_in_the_readme_is_the_bookshop_as_it_is_now(capsys: pytest.CaptureFixture[str]) -> None:
    """`fairway plan examples/bookshop --format svg > docs/bookshop.svg` draws it anew."""
    assert (ROOT / "docs" / "bookshop.svg").read_text() == drawn(capsys)
