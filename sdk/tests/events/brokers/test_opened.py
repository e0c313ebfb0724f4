"""The bound broker is opened by its kind, and what is missing is said in a sentence."""

import sys
from pathlib import Path

import pytest

from fairway_sdk import Service, SetupError
from fairway_sdk.contract.binding import Broker
from fairway_sdk.testing.placing import placed


def test_a_service_without_a_broker_is_told_to_bind_one(tmp_path: Path) -> None:
    """Events without a broker are an error of the setup."""
    service = placed(Service("shop"), tmp_path)
    with pytest.raises(SetupError, match=r"shop: .*names no broker\. Bind one"):
        _ = service.broker


@pytest.mark.parametrize(
    ("kind", "package"), [("redis", "redis"), ("nats", "nats"), ("rabbitmq", "aiormq"), ("kafka", "aiokafka")]
)
def test_a_missing_client_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str
) -> None:
    """Each broker's client is an extra; without it the sentence names that extra."""
    for name in [name for name in sys.modules if name.startswith("fairway_sdk.events.brokers.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    bound = Broker(kind=kind, address="127.0.0.1:1")  # type: ignore[arg-type] # one of the kinds
    service = placed(Service("shop"), tmp_path, broker=bound)
    with pytest.raises(SetupError, match=rf"package '{package}.*Install fairway-sdk\[{kind}\]\."):
        _ = service.broker
