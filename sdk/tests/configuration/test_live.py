"""Values and secrets as they are now: swapped while the service runs, and secrets told to nobody."""

import logging
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY

from fairway_sdk import Service, SetupError
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract import metrics
from fairway_sdk.contract.binding import Binding

SECRET = "hunter2-planted"  # noqa: S105 - the test looks for it everywhere


class Mount:
    """A folder as Kubernetes mounts it: files are links through `..data`, which is swapped by renaming."""

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        self.folder = folder
        folder.mkdir()
        self._versions = 0

    def swap(self, **files: str) -> None:
        """Replace all files at once."""
        self._versions += 1
        version = self.folder / f"..{self._versions}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_text(content)
            os.utime(version / name, (1e9, 1e9))  # of one age and size: a swap is a swap all the same
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        (self.folder / "..new").symlink_to(version.name)
        (self.folder / "..new").rename(self.folder / "..data")


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    """Give a mount."""
    return Mount(tmp_path / "mount")


def seconds_until(expected: str, read: Callable[[], str]) -> float:
    """Read until a text is there, and tell how long that took."""
    begun = time.monotonic()
    while read() != expected and time.monotonic() - begun < 3:
        time.sleep(0.01)
    return time.monotonic() - begun


def test_a_rotated_secret_and_a_changed_value_are_seen_within_a_second(mount: Mount) -> None:
    """Without a restart, though the new file has the age and size of the old one."""
    mount.swap(password="first!", limit="10")  # noqa: S106 - no real one
    secrets, values = Secrets(mount.folder), Values(mount.folder)
    assert (secrets.text("password"), values.get("limit", int)) == ("first!", 10)
    mount.swap(password="second", limit="20")  # noqa: S106 - no real one
    assert seconds_until("second", lambda: secrets.text("password")) < 1
    assert seconds_until("20", lambda: values.text("limit")) < 1


def test_a_secret_that_vanishes_is_an_error_and_comes_back(mount: Mount) -> None:
    """Nobody goes on with one that was taken away."""
    mount.swap(password=SECRET)
    secrets = Secrets(mount.folder)
    assert secrets.text("password") == SECRET
    mount.swap(other="x")
    time.sleep(0.3)
    with pytest.raises(SetupError, match="missing"):
        secrets.text("password")
    mount.swap(password="new")  # noqa: S106 - no real one
    assert seconds_until("new", lambda: secrets.text("password") if secrets.has("password") else "") < 1


def test_a_name_that_is_a_path_reads_nothing(mount: Mount) -> None:
    """Names may come from a binding, never a way out of the folder."""
    for name in ("../mount/password", "a/b", "/etc/passwd", "..", "."):
        with pytest.raises((ValueError, SetupError)):
            Secrets(mount.folder).text(name)


class Limits(msgspec.Struct, frozen=True):
    """What a service's author might ask for."""

    most: int
    names: list[str] = []


def test_values_are_given_as_the_type_that_is_asked_for(tmp_path: Path) -> None:
    """Line ends that editors add are no part of them."""
    files = {"n": " 7\n", "f": "0.5\n", "b": "true\n", "t": " x \n", "l": '["a"]', "s": '{"most": 3}', "u": "null"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    values = Values(tmp_path)
    assert values.get("n", int) == 7
    assert values.get("f", float) == 0.5
    assert values.get("b", bool) is True
    assert values.get("t", str) == values.text("t") == " x "
    assert values.get("l", list[str]) == ["a"]
    assert values.get("s", Limits) == Limits(3)
    assert values.get("missing", int, 5) == 5
    assert values.text("missing", "default") == "default"
    assert values.get("u", list[str] | None) is None  # type: ignore[arg-type]  # a union is no class for the type checker


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        ("seven", int, "Expected `int`"),
        ("7.5", int, "Expected `int`"),
        ("yes", bool, "Expected `bool`"),
        ("", float, "Expected `float`"),
        ('{"most": "three"}', Limits, r"Expected `int`, got `str` - at `\$.most`"),
        ("{broken", Limits, "malformed"),
        ("[1]", list[str], "Expected `str`"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_file(
    content: str, kind: type[object], sentence: str, tmp_path: Path
) -> None:
    """And what to do."""
    (tmp_path / "limit").write_text(content)
    with pytest.raises(SetupError, match=sentence) as told:
        Values(tmp_path).get("limit", kind)
    assert str(told.value).startswith(f"{tmp_path / 'limit'}: ")


def test_a_missing_value_without_a_default_is_told_with_its_file(tmp_path: Path) -> None:
    """For both ways to ask."""
    for ask in (lambda: Values(tmp_path).text("limit"), lambda: Values(tmp_path).get("limit", int)):
        with pytest.raises(SetupError, match="limit: the key is not set"):
            ask()


def test_a_variable_goes_before_a_values_file_and_never_before_a_secrets(tmp_path: Path) -> None:
    """A developer tries a value; a secret in the environment would be printed somewhere."""
    (tmp_path / "page-size").write_text("10")
    variables = {"FAIRWAY_VALUE_PAGE_SIZE": "25", "FAIRWAY_VALUE_API_KEY": SECRET, "FAIRWAY_VALUE_BAD": "x"}
    values = Values(tmp_path, variables)
    assert values.get("page-size", int) == 25
    assert Values(tmp_path).get("page-size", int) == 10
    with pytest.raises(SetupError, match=r"^FAIRWAY_VALUE_BAD: Expected `int`"):
        values.get("bad", int)
    assert not Secrets(tmp_path).has("api-key")


def test_a_secret_is_in_no_representation_log_or_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where a traceback shows the local variables of every frame."""
    (tmp_path / "password").write_text(SECRET)
    (tmp_path / "binary").write_bytes(SECRET.encode() + b"\xff")
    secrets = Secrets(tmp_path)
    file = secrets.read("password")
    where = Placement(binding=Binding(service="orders"), values=Values(tmp_path), secrets=secrets)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").info("%r %s %r", secrets, file, where)
    shown = caplog.text + repr(vars(secrets)) + repr(where)
    for name in ("binary", "missing"):
        try:
            secrets.text(name)
        except SetupError as error:
            shown += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert SECRET not in shown
    assert "binary" in shown


async def test_the_age_of_each_secret_is_told_while_the_service_runs(tmp_path: Path) -> None:
    """Its name and age, and of one that vanished, nothing."""
    (tmp_path / "card-key").write_text(SECRET)
    os.utime(tmp_path / "card-key", (time.time() - 100, time.time() - 100))

    def age() -> float | None:
        return REGISTRY.get_sample_value(metrics.SECRET_AGE, {"secret": "card-key"})

    service = Service("orders")
    binding = Binding(service="orders", secrets=("card-key",))
    service.place(Placement(binding=binding, values=Values(tmp_path), secrets=Secrets(tmp_path)))
    assert age() is None
    async with service.running():
        assert 99 < (age() or 0) < 110
        service.clock.ahead = 1000
        assert 1099 < (age() or 0) < 1110
    assert age() is None
