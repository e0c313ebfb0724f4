"""Put a service together: the parts its author declared, and those its binding implies."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fairway_sdk.lifecycle import Part

if TYPE_CHECKING:
    from fairway_sdk.service import Service


def parts(service: "Service", declared: Iterable[Part]) -> list[Part]:
    """List everything that lives while a service runs."""
    from fairway_sdk.configuration.ages import SecretAges
    from fairway_sdk.telemetry.setup import Telemetry

    binding = service.binding
    found: list[Part] = [Telemetry(service), SecretAges(service), service.identity, *service.stores.open()]
    if binding.personal:
        found.append(service.keyring)
    if binding.broker and (binding.publishes or binding.consumes):
        found.append(service.broker)
    if binding.publishes:
        from fairway_sdk.events.relay import Relay

        found.append(Relay(service))
    if binding.sessions:
        found.append(service.sessions)
    if binding.flags:
        found.append(service.flags)
    if "consumers" in service.__dict__:
        service.consumers.subscribe()
    if "rest" in service.__dict__:
        from fairway_sdk.rest.server import RestServer

        found.append(RestServer(service))
    if "grpc" in service.__dict__:
        found.append(service.grpc)
    return [*found, *declared]
