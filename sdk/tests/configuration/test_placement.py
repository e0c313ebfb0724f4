"""Where a service stands: read from files, every fault at once and in a sentence."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from fairway_sdk import Service, SetupError, contract
from fairway_sdk.configuration.placement import placement


@pytest.fixture
def nobody() -> Iterator[Path]:
    """Give a folder that anybody may use, and work as a user who may not read everything: not as root."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)


def environment(folder: Path, **further: str) -> dict[str, str]:
    """Name the folders as a deployment does."""
    (folder / "configuration").mkdir(exist_ok=True)
    return {
        contract.CONFIGURATION_VARIABLE: str(folder / "configuration"),
        contract.SECRETS_VARIABLE: str(folder / "secrets"),
    } | further


def bind(folder: Path, content: object) -> None:
    """Write the binding."""
    (folder / "configuration").mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "configuration" / contract.BINDING_FILE).write_text(text)


def test_without_a_binding_a_service_stands_alone(tmp_path: Path) -> None:
    """On loopback, and with nothing to talk to."""
    found = placement("orders", environment(tmp_path))
    assert found.binding.service == "orders"
    assert found.binding.listen.rest.startswith("127.0.0.1:")
    assert not found.binding.calls
    assert not found.binding.stores


def test_the_binding_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With keys as the deployment writes them."""
    bind(tmp_path, {"service": "orders", "flags-file": "/flags.json", "calls": {"stock": {"address": "unix:/s"}}})
    found = placement("orders", environment(tmp_path)).binding
    assert found.flags_file == "/flags.json"
    assert found.calls["stock"].timeout == 1.0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{broken", "malformed"),
        ("", "truncated"),
        ("[]", "Expected `object`"),
        ({"service": "orders", "colour": "red"}, "colour"),
        ({"service": "orders", "deadline": "soon"}, r"\$.deadline"),
        ({"service": "orders", "stores": {"main": {"kind": "papyrus"}}}, "papyrus"),
        ({"service": "payments"}, "binds service 'payments', and this is 'orders'"),
    ],
)
def test_a_wrong_binding_is_refused_with_its_file_and_reason(content: object, sentence: str, tmp_path: Path) -> None:
    """Another service's too: two bindings were mixed up."""
    bind(tmp_path, content)
    with pytest.raises(SetupError, match=sentence) as told:
        placement("orders", environment(tmp_path))
    assert str(tmp_path / "configuration" / contract.BINDING_FILE) in str(told.value)


def test_a_folder_that_is_named_and_not_there_is_a_fault(tmp_path: Path) -> None:
    """Or else a slip of the pen would let a service stand alone."""
    with pytest.raises(SetupError, match="is no folder"):
        placement("orders", environment(tmp_path) | {contract.CONFIGURATION_VARIABLE: str(tmp_path / "confguration")})


def test_a_binding_or_a_secret_that_may_not_be_read_is_told_so(nobody: Path) -> None:
    """In a sentence, not a traceback."""
    bind(nobody, {"service": "orders", "secrets": ["card-key"]})
    (nobody / "secrets").mkdir()
    (nobody / "secrets" / "card-key").touch(0)
    with pytest.raises(SetupError, match="card-key: the secret cannot be read: Permission denied"):
        placement("orders", environment(nobody))
    (nobody / "configuration" / contract.BINDING_FILE).chmod(0)
    with pytest.raises(SetupError, match=r"binding.json: cannot be read: Permission denied"):
        placement("orders", environment(nobody))


def test_a_binding_that_is_a_folder_is_told_so(tmp_path: Path) -> None:
    """As a mount of a missing key is."""
    (tmp_path / "configuration" / contract.BINDING_FILE).mkdir(parents=True)
    with pytest.raises(SetupError, match="cannot be read: Is a directory"):
        placement("orders", environment(tmp_path))


def test_all_secrets_that_cannot_be_used_are_named_at_once(tmp_path: Path) -> None:
    """Declared ones, and the credentials of stores, broker and keys; each with its file."""
    bind(
        tmp_path,
        {
            "service": "orders",
            "secrets": ["card-key", "there"],
            "stores": {"main": {"kind": "postgresql", "user-secret": "user", "password-secret": "password"}},
            "broker": {"kind": "nats", "password-secret": "broker-password"},
            "personal": {"master-key-secret": "master", "keys": "main"},
        },
    )
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "there").write_text("x")
    (secrets / "password").write_text("\n")
    (secrets / "user").mkdir()
    with pytest.raises(SetupError) as told:
        placement("orders", environment(tmp_path))
    lines = str(told.value).splitlines()
    expected = {"card-key": "missing", "user": "cannot be read", "password": "empty"}
    expected |= {"broker-password": "missing", "master": "missing"}
    assert len(lines) == len(expected)
    for line, (name, fault) in zip(lines, expected.items(), strict=True):
        assert line.startswith(f"{secrets / name}: the secret ")
        assert fault in line


async def test_a_service_does_not_start_without_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why, and holds nothing open."""
    bind(tmp_path, {"service": "orders", "secrets": ["card-key"]})
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SetupError, match="card-key: the secret is missing"):
        await Service("orders").start()
