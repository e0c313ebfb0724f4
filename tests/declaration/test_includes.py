"""Files of facts include others below the root's folder; what cannot be read is refused where it is named."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairway.core.errors import WrongInputError
from fairway.declaration.load import load

GENEROUS = 30  # seconds for what takes well under one: a loaded machine is no fault
SHOP = "system: shop\nservices: {orders: }\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")


def write(**files: str) -> None:
    """Write files; their names without the ending, '__' for a folder."""
    for name, text in files.items():
        path = Path(name.replace("__", "/") + ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def faults(path: str = ".") -> list[str]:
    """Give what a reader of the faults sees."""
    try:
        load(Path(path))
    except WrongInputError as error:
        return str(error).splitlines()
    return []


def faults_in_time(path: str = ".") -> list[str]:
    """Load in a process of its own, which is stopped where it hangs."""
    program = f"from fairway.declaration.load import load\nfrom pathlib import Path\nload(Path({path!r}))"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=GENEROUS)
    *_, says = ended.stderr.partition("WrongInputError: ")
    return says.splitlines()


def test_files_include_others_from_their_own_folder() -> None:
    """A team's file names its neighbours, not paths from the root."""
    write(
        fairway="system: shop\ninclude: [teams/money.yaml]\nservices: {orders: {calls: {payments: }}}",
        teams__money="include: [cards.yaml]\nservices: {payments: {calls: {cards: }}}",
        teams__cards="services: {cards: }",
    )
    assert list(load(Path()).system.services) == ["orders", "payments", "cards"]


def test_a_file_that_two_others_include_is_read_once() -> None:
    """Sharing is no circle."""
    write(
        fairway=SHOP + "include: [a.yaml, b.yaml]",
        a="include: [c.yaml]",
        b="include: [c.yaml]",
        c="services: {payments: }",
    )
    assert list(load(Path()).system.services) == ["orders", "payments"]


def test_an_included_file_may_hold_comments_only() -> None:
    """A team may have nothing to say yet."""
    write(fairway=SHOP + "include: [later.yaml]", later="# to come\n")
    assert list(load(Path()).system.services) == ["orders"]


def test_the_file_itself_may_be_given_and_named_otherwise() -> None:
    """A folder is only short for its fairway.yaml."""
    write(other=SHOP)
    assert load(Path("other.yaml")).sources.root == "other.yaml"


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("paymnts.yaml", "which is not there. Did you mean 'payments.yaml'?"),
        ("teams/monye.yaml", "which is not there. Did you mean 'teams/money.yaml'?"),
        ("nowhere/at/all.yaml", "which is not there. Write its path from the folder of this file."),
        ("payments.yaml/more.yaml", "which is not there. Write its path from the folder of this file."),
        ("teams", "which is a folder. Name each file in it."),
        ("x" * 300, "which has a longer name than a file can have. Correct the path."),
    ],
)
def test_an_include_that_is_no_file_is_refused_where_it_stands(include: str, expected: str) -> None:
    """The line is that of the include, with the nearest file there is."""
    write(fairway=f"{SHOP}include:\n  - payments.yaml\n  - {include}\n", payments="", teams__money="")
    shown = include if len(include) < 60 else "x" * 60 + "..."
    assert faults() == [f"fairway.yaml:5: includes '{shown}', {expected}"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".", "fairway.yaml: is not there. Give the file or its folder, or start a system with 'fairway init'."),
        ("a.yaml", "a.yaml: is not there. Give the file or its folder, or start a system with 'fairway init'."),
        ("..", "../fairway.yaml: is not there. Give the file or its folder, or start a system with 'fairway init'."),
        ("x\0y", "x?y: has a name that no file can have. Correct the path."),
        ("x\n\x1b[31m", "x??[31m: is not there. Give the file or its folder, or start a system with 'fairway init'."),
    ],
)
def test_a_root_that_is_no_file_is_refused(path: str, expected: str) -> None:
    """The path is said as it was given, without what could upset a terminal."""
    assert faults(path) == [expected]


def test_the_other_ending_is_noticed() -> None:
    """There is one name, so that every tool finds it."""
    Path("fairway.yml").write_text(SHOP)
    assert faults() == ["fairway.yaml: is not there. Rename fairway.yml to fairway.yaml."]


def test_files_below_the_current_folder_are_named_from_it(tmp_path: Path) -> None:
    """An absolute path is shortened to what the user can click."""
    write(fairway="system: Shop")
    assert faults(str(tmp_path / "shop"))[0].startswith("fairway.yaml:1: system is 'Shop'")


def test_files_elsewhere_are_named_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that the user did not write would be hard to recognise."""
    write(fairway=SHOP + "include: [a.yaml]", a="x: 1")
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    assert faults("../shop")[0].startswith("../shop/a.yaml:1: the top level takes no 'x'.")
    (tmp_path / "else").rmdir()
    assert faults(str(tmp_path / "shop"))[0].startswith(f"{tmp_path}/shop/a.yaml:1: ")


def test_a_circle_of_includes_is_shown_whole() -> None:
    """Each file on the way is named, so that the right link can be cut."""
    write(fairway=SHOP + "include: [a.yaml]", a="include: [b.yaml]", b="\ninclude: [c/d.yaml, a.yaml]", c__d="")
    assert faults() == [
        (
            "b.yaml:2: includes 'a.yaml', which closes a circle: a.yaml -> b.yaml -> a.yaml. "
            "Remove one of these includes."
        )
    ]


def test_a_file_that_includes_itself_through_a_link_is_a_circle() -> None:
    """Another name does not make it another file."""
    write(fairway=SHOP + "include: [again.yaml]")
    Path("again.yaml").symlink_to("fairway.yaml")
    assert faults() == [
        (
            "fairway.yaml:3: includes 'again.yaml', which closes a circle: fairway.yaml -> again.yaml. "
            "Remove one of these includes."
        )
    ]


def test_a_long_circle_is_shown_short() -> None:
    """A hundred names on a line help nobody."""
    write(fairway=SHOP + "include: [f0.yaml]", **{f"f{n}": f"include: [f{(n + 1) % 100}.yaml]" for n in range(100)})
    (said,) = faults()
    assert "a circle: f0.yaml -> f1.yaml -> f2.yaml -> ... -> f98.yaml -> f99.yaml -> f0.yaml." in said


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    """Neither by a path nor through a link, of a file or of a folder."""
    (tmp_path / "secret.yaml").write_text("hunter2")
    Path("file.yaml").symlink_to("../secret.yaml")
    Path("folder").symlink_to("..")
    write(fairway=f"{SHOP}include:\n  - file.yaml\n  - folder/secret.yaml\n  - ../secret.yaml\n  - /etc/hostname\n")
    outside = "which is outside of the folder of fairway.yaml. Move it below that folder."
    below = "Write a path below the file's folder: no leading '/', no '..'."
    assert faults() == [
        f"fairway.yaml:4: includes 'file.yaml', {outside}",
        f"fairway.yaml:5: includes 'folder/secret.yaml', {outside}",
        f"fairway.yaml:6: an item of include is '../secret.yaml'. {below}",
        f"fairway.yaml:7: an item of include is '/etc/hostname'. {below}",
    ]


def test_a_link_within_the_folder_is_followed() -> None:
    """Only leaving the folder is refused."""
    write(fairway=SHOP + "include: [link.yaml]", teams__money="services: {payments: }")
    Path("link.yaml").symlink_to("teams/money.yaml")
    assert list(load(Path()).system.services) == ["orders", "payments"]


def test_a_link_that_leads_nowhere_is_refused() -> None:
    """A link to itself ends as every other fault does."""
    write(fairway=SHOP + "include: [loop.yaml]")
    Path("loop.yaml").symlink_to("loop.yaml")
    assert faults() == [
        "fairway.yaml:3: includes 'loop.yaml', which is a link that leads back to itself. Give the file itself."
    ]


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder that anybody may enter, as a user who may not read everything: not as root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        monkeypatch.chdir(folder)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if root:
                os.seteuid(0)
            monkeypatch.undo()


@pytest.mark.usefixtures("nobody")
def test_a_file_without_permission_is_refused() -> None:
    """It is the file that is named, not a traceback."""
    write(fairway=SHOP + "include: [private.yaml]", private="")
    Path("private.yaml").chmod(0)
    assert faults() == [
        (
            "fairway.yaml:3: includes 'private.yaml', which may not be read. "
            "Change its permissions, or those of its folder."
        )
    ]
    Path("fairway.yaml").chmod(0)
    assert faults() == ["fairway.yaml: may not be read. Change its permissions, or those of its folder."]


def test_a_pipe_is_not_waited_for() -> None:
    """A pipe nobody writes to would hold the command for ever."""
    write(fairway=SHOP + "include: [pipe.yaml]")
    os.mkfifo("pipe.yaml")
    expected = "fairway.yaml:3: includes 'pipe.yaml', which is not a file but a pipe or a device. Give a file."
    assert faults_in_time() == [expected]


def test_a_device_or_a_socket_is_refused() -> None:
    """What never ends, or is no file at all, is not read."""
    assert faults_in_time("/dev/zero") == ["/dev/zero: is not a file but a pipe or a device. Give a file."]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("fairway.yaml")
        (said,) = faults()
    assert said.startswith("fairway.yaml: cannot be read: ")


def test_files_too_large_together_are_refused_unread() -> None:
    """The bound is one for all files, so that many do not add up."""
    write(fairway=SHOP + "include: [big.yaml]", big="")
    with Path("big.yaml").open("wb") as file:
        file.truncate(32 * 1024 * 1024)
    assert faults_in_time() == [
        (
            "fairway.yaml:3: includes 'big.yaml', which is 33,554,432 bytes long; "
            "up to 33,554,432 of all files together are read. Remove what is not facts."
        )
    ]
    assert faults_in_time("big.yaml")[0].startswith("big.yaml: looks like a binary file.")
    with Path("fairway.yaml").open("wb") as file:
        file.truncate(1 << 40)
    assert faults_in_time() == [
        "fairway.yaml: is 1,099,511,627,776 bytes long; up to 33,554,432 are read. Remove what is not facts."
    ]


def test_a_thousand_files_may_be_included_and_no_more() -> None:
    """The bound is said where it is passed."""
    write(**{f"f{number}": "" for number in range(1_001)})
    names = [f"f{number}.yaml" for number in range(1_001)]
    write(fairway=f"{SHOP}include: [{', '.join(names[:-1])}]")
    assert faults() == []
    write(fairway=f"{SHOP}include: [{', '.join(names)}]")
    assert faults() == [
        ("fairway.yaml:3: includes 'f1000.yaml', which is one file too many: 1,000 may be included. Unite some.")
    ]


def test_a_thousand_files_may_include_one_another_in_a_row() -> None:
    """Depth costs no stack."""
    write(**{f"f{number}": f"include: [f{number + 1}.yaml]" for number in range(1_001)})
    write(fairway=f"{SHOP}include: [f0.yaml]")
    assert faults_in_time() == [
        ("f999.yaml:1: includes 'f1000.yaml', which is one file too many: 1,000 may be included. Unite some.")
    ]
