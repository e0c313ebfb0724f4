"""What design tells a running service: protocols, sessions, channels, and the workflows it drives."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.facts import seconds
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s01_design.decisions.channels import broker, channel
from fairway.stages.s01_design.decisions.services import protocols, sessions
from fairway.stages.s01_design.decisions.workflows import saga_log

WEB_PORTS = (80, 443, 8080, 8443)
WEB_RULE = "design/rest-when-external"
FIRST_PAUSE = 0.2  # seconds: somebody may be waiting for the saga
# How the operator of each broker names the address it is reached at.
BROKERS = {
    "nats": "nats.{namespace}.svc.cluster.local:4222",
    "kafka": "kafka-kafka-bootstrap.{namespace}.svc.cluster.local:9093",
    "rabbitmq": "rabbitmq.{namespace}.svc.cluster.local:5671",
}


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell what is spoken with whom, and where sessions and events go."""
    del site
    name = profile.name
    for callee in profile.callees:
        spoken = protocols(landscape.services[callee])
        protocol = "grpc" if "grpc" in spoken.value else "rest"
        yield Bind(
            service=name, rule=spoken.rule, topic=spoken.topic, path=("calls", callee, "protocol"), value=protocol
        )
    for callee in profile.outside:
        port = landscape.system.external_systems[callee].port
        protocol = "rest" if port in WEB_PORTS else "tcp"
        yield Bind(service=name, rule=WEB_RULE, path=("calls", callee, "protocol"), value=protocol)
    if (kept := sessions(profile)) is not None:
        told = {
            "store": kept.value.store,
            "idle": seconds(kept.value.idle),
            "absolute": seconds(kept.value.absolute),
        }
        yield Bind(service=name, rule=kept.rule, topic=kept.topic, path=("sessions",), value=told)
    yield from _events(profile, landscape)
    for flow in profile.workflows:
        if flow.coordinator == name and (log := saga_log(flow, landscape)) is not None:
            told = {
                "stuck-after": seconds(log.value.stuck_after),
                "retries": {
                    "tries": log.value.tries,
                    "first-pause": FIRST_PAUSE,
                    "longest-pause": seconds(log.value.longest_pause),
                },
            }
            yield Bind(service=name, rule=log.rule, topic=log.topic, path=("workflows", flow.name), value=told)


def _events(profile: Profile, landscape: Landscape) -> Iterator[Bind]:
    facts = profile.facts
    chosen = broker(landscape)
    if chosen is None or not (facts.publishes or facts.consumes):
        return
    address = BROKERS[chosen.value].format(namespace=landscape.system.system)
    for key, value in {"kind": chosen.value, "address": address, "tls": True}.items():
        yield Bind(service=profile.name, rule=chosen.rule, topic=chosen.topic, path=("broker", key), value=value)
    for side, names in (("publishes", facts.publishes), ("consumes", facts.consumes)):
        for name in names:
            known = landscape.channels[name]
            carried = channel(known, chosen.value)
            personal = not {"personal", "regulated"}.isdisjoint(known.facts.data)
            told: dict[str, object] = {"ordered-by": carried.value.ordered_by, "personal": personal}
            if side == "publishes":
                told["consumers"] = list(known.consumers)
            for key, value in told.items():
                path = (side, name, key)
                yield Bind(service=profile.name, rule=carried.rule, topic=carried.topic, path=path, value=value)
