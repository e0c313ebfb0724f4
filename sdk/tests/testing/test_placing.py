"""A service put into a place of a test's own."""

import stat
from pathlib import Path

import pytest

from fairway_sdk import Service, SetupError
from fairway_sdk.configuration.placement import placement
from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.placing import place_files, placed, write_secret


def test_a_placed_service_finds_its_binding_values_and_secrets(tmp_path: Path) -> None:
    """As a deployed one would; nobody else may read the secrets."""
    service = placed(Service("orders"), tmp_path, secrets={"key": "s3cret\n"}, values={"limit": "7"}, region="north")
    assert service.binding.region == "north"
    assert service.placement.secrets.text("key") == "s3cret"
    assert service.placement.values.get("limit", int) == 7
    assert stat.S_IMODE((tmp_path / "secrets" / "key").stat().st_mode) == 0o600


def test_a_placement_without_its_secrets_is_refused(tmp_path: Path) -> None:
    """As at a deployed service's start."""
    store = Store(kind="redis", address="x:1", password_secret="redis-password")  # noqa: S106 - the name of a file
    with pytest.raises(SetupError, match="redis-password: the secret is missing"):
        placed(Service("orders"), tmp_path, stores={"cache": store})


def test_a_process_beside_the_test_finds_the_same_place(tmp_path: Path) -> None:
    """By the environment that it is given."""
    service = placed(Service("orders"), tmp_path, secrets={"key": "s3cret"}, region="north")
    found = placement("orders", place_files(service))
    assert found.binding == service.binding
    assert found.secrets.text("key") == "s3cret"


def test_a_secret_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Who reads it meanwhile sees the old or the new one."""
    write_secret(tmp_path, "key", "old")
    with (tmp_path / "key").open() as reader:
        write_secret(tmp_path, "key", "new")
        assert reader.read() == "old"
    assert (tmp_path / "key").read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["key"]
