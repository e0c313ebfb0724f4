"""The registry refuses a room or a rule that is not as it must be."""

import sys
from collections.abc import Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

import pytest

from fairway.core.errors import BadRegistryError
from fairway.core.registry import rooms

STAGE = '"""Is it there?"""\nfrom fairway.core.stage import {words}\nSTAGE = Stage(id="{id}", title="T"{more})\n'
RULE = '''"""It is there.

Because it has to be somewhere.
"""
from fairway.core.conditions import ALWAYS
from fairway.core.rule import Proof, Rule
RULE = Rule(id="{id}", applies=ALWAYS, proof=Proof.STATIC)
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an empty package of rooms that can be imported as `sketch`."""
    root = tmp_path / "sketch"
    root.mkdir()
    (root / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield root
    for name in [name for name in sys.modules if name.partition(".")[0] == "sketch"]:
        del sys.modules[name]


def room(package: Path, folder: str = "s01_one", stage: str = "one", more: str = "", words: str = "Stage") -> Path:
    """Add a room."""
    (package / folder).mkdir()
    (package / folder / "__init__.py").write_text(STAGE.format(id=stage, more=more, words=words))
    return package / folder


def sketch() -> ModuleType:
    """Import the package as it is now."""
    invalidate_caches()
    return import_module("sketch")


def test_a_rule_joins_by_existing(package: Path) -> None:
    """One file is all it takes; its docstring is its text."""
    (room(package) / "is_there.py").write_text(RULE.format(id="one/is-there"))
    (only,) = rooms(sketch())
    (rule,) = only.rules
    assert (rule.id, rule.title, rule.why) == ("one/is-there", "It is there", "Because it has to be somewhere.")
    assert rule.path.endswith("sketch/s01_one/is_there.py")
    assert rule.not_in_files == ""


def test_the_last_paragraph_may_say_why_files_cannot_tell(package: Path) -> None:
    """It is no part of the why; a rule that has a check does not say it."""
    told = RULE.format(id="one/is-there").replace("where.\n", "where.\n\nNot in files: it is in\nthe code.\n")
    (room(package) / "is_there.py").write_text(told)
    ((rule,),) = (one.rules for one in rooms(sketch()))
    assert (rule.why, rule.not_in_files) == ("Because it has to be somewhere.", "it is in the code.")
    (room(package, "s02_two", "two") / "is_here.py").write_text(
        told.replace("one/is-there", "two/is-here").replace("proof=", "check=list, proof=")
    )
    with pytest.raises(BadRegistryError, match=r"is_here says that it is not in files, and has a check"):
        rooms(sketch())


def test_a_file_without_a_rule_is_refused(package: Path) -> None:
    """Nothing in a room is skipped silently."""
    (room(package) / "stray.py").write_text("")
    with pytest.raises(BadRegistryError, match=r"sketch.s01_one.stray has no RULE. Add one, or move the file"):
        rooms(sketch())


def test_a_rule_in_a_file_of_another_name_is_refused(package: Path) -> None:
    """The sentence says what to rename."""
    (room(package) / "is_there.py").write_text(RULE.format(id="one/is-gone"))
    with pytest.raises(BadRegistryError, match=r"holds rule one/is-gone. Rename the rule to one/is-there, or the file"):
        rooms(sketch())


def test_a_rule_without_words_is_refused(package: Path) -> None:
    """A rule that does not say why cannot be argued with."""
    (room(package) / "is_there.py").write_text(
        RULE.format(id="one/is-there").replace("\nBecause it has to be somewhere.\n", "")
    )
    with pytest.raises(BadRegistryError, match=r"does not say its title and why"):
        rooms(sketch())


def test_a_folder_that_is_no_room_is_refused(package: Path) -> None:
    """Every folder in stages/ is a room."""
    (package / "s01_one").mkdir()
    (package / "s01_one" / "__init__.py").write_text("")
    with pytest.raises(BadRegistryError, match=r"sketch.s01_one has no STAGE"):
        rooms(sketch())


def test_a_stage_that_is_there_twice_is_refused(package: Path) -> None:
    """An id belongs to one room."""
    room(package)
    room(package, folder="s02_two")
    with pytest.raises(BadRegistryError, match=r"Stage one is there twice"):
        rooms(sketch())


def test_an_edge_to_nowhere_is_refused(package: Path) -> None:
    """Jumps, detours, needs and ways on all land on a stage."""
    room(package, more=', needs=(Need(stage="two"),)', words="Need, Stage")
    with pytest.raises(BadRegistryError, match=r"Stage one leads to two, which is not there"):
        rooms(sketch())
