"""The bound broker, of whatever kind: only the client that is needed is imported."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fairway_sdk.errors import SetupError

if TYPE_CHECKING:
    from fairway_sdk.events.broker import Broker
    from fairway_sdk.service import Service

KINDS = {
    "kafka": "KafkaBroker",
    "memory": "MemoryBroker",
    "nats": "NatsBroker",
    "rabbitmq": "RabbitMQBroker",
    "redis": "ValkeyBroker",
}
MODULES = {"redis": "valkey"}  # where the module is named otherwise than the kind


def open_broker(service: "Service") -> "Broker":
    """Make the broker that the service is bound to; a `SetupError` where there is none, or no client for it."""
    bound = service.binding.broker
    if bound is None:
        raise SetupError(
            f"{service.name}: publishes or consumes events, and its binding names no broker. Bind one to the service."
        )
    try:
        module = import_module(f"fairway_sdk.events.brokers.{MODULES.get(bound.kind, bound.kind)}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "fairway_sdk":
            raise
        raise SetupError(
            f"{service.name}: its broker is of kind '{bound.kind}', and the package '{error.name}' is missing."
            f" Install fairway-sdk[{bound.kind}]."
        ) from error
    made: Any = getattr(module, KINDS[bound.kind])
    broker: Broker = made(service)
    return broker
