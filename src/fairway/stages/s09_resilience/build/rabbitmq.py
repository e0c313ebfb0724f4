"""RabbitMQ: a cluster of its operator, an exchange for each channel, a quorum queue for each consumer of it."""

import re
from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape, Profile
from fairway.stages.s09_resilience.build import placing
from fairway.stages.s09_resilience.decisions import events

NAME: Final = "rabbitmq"
API: Final = "rabbitmq.com/v1beta1"
CLUSTER: Final = {"rabbitmqClusterReference": {"name": NAME}}
RESOURCES: Final = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}}


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the cluster, and all that is on it."""
    hosts = [NAME, f"{NAME}-nodes", f"*.{NAME}-nodes"]
    yield placing.certificate(landscape, NAME, hosts)
    yield placing.manifest("rabbitmqcluster", _cluster(landscape))
    for channel, known in landscape.channels.items():
        yield from _topology(landscape, channel, known.consumers)
    for profile in placing.talking(landscape):
        yield placing.login(landscape, site, NAME, profile.name)
        for file, kind, spec in (
            ("user", "User", {"importCredentialsSecret": {"name": f"broker-user-{profile.name}"}, "tags": []}),
            ("permission", "Permission", _permission(profile, landscape)),
        ):
            obj = _object(landscape, kind, profile.name, spec)
            yield placing.manifest(f"{file}-{profile.name}", obj)


def _object(landscape: Landscape, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    described = placing.described(landscape, NAME, name)
    return {"apiVersion": API, "kind": kind, "metadata": described, "spec": {**spec, **CLUSTER}}


def _count(landscape: Landscape) -> int:
    decided = events.servers(landscape)
    return decided.value if decided is not None else 1


def _cluster(landscape: Landscape) -> dict[str, Any]:
    settings = [
        "cluster_partition_handling = pause_minority",
        "queue_leader_locator = balanced",
        "disk_free_limit.absolute = 2GB",
        "vm_memory_high_watermark.relative = 0.6",
        "",
    ]
    return {
        "apiVersion": API,
        "kind": "RabbitmqCluster",
        "metadata": placing.described(landscape, NAME, labels=placing.outside_mesh(landscape)),
        "spec": {
            "image": IMAGES["rabbitmq"],
            "replicas": _count(landscape),
            "persistence": {"storage": placing.SIZE},
            "resources": RESOURCES,
            "tls": {"secretName": placing.KEYS, "caSecretName": placing.KEYS, "disableNonTLSListeners": True},
            "rabbitmq": {"additionalConfig": "\n".join(settings)},
            "service": {"type": "ClusterIP"},
            "terminationGracePeriodSeconds": 600,
            "affinity": _apart(landscape),
        },
    }


def _apart(landscape: Landscape) -> dict[str, Any]:
    chosen = placing.described(landscape, NAME)["labels"]
    same = {"matchLabels": {"app.kubernetes.io/name": chosen["app.kubernetes.io/name"]}}
    term = {"weight": 100, "podAffinityTerm": {"labelSelector": same, "topologyKey": placing.APART}}
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}


def _topology(landscape: Landscape, channel: str, consumers: tuple[str, ...]) -> Iterator[Manifest]:
    """Write what the SDK would make at its start, so that no event is published before a queue would keep it."""
    exchange = placing.named(channel)
    spec: dict[str, Any] = {"name": exchange, "type": "fanout", "durable": True, "autoDelete": False, "vhost": "/"}
    yield placing.manifest(f"exchange-{channel}", _object(landscape, "Exchange", channel, spec), placing.CHANNEL)
    for consumer in consumers:
        name, queue = f"{channel}-{consumer}", f"{exchange}.{consumer}"
        arguments: dict[str, Any] = {"x-single-active-consumer": True}
        if (count := _count(landscape)) > 1:
            arguments["x-quorum-initial-group-size"] = count
        kept = {"name": queue, "type": "quorum", "durable": True, "autoDelete": False, "vhost": "/"}
        bound = {"source": exchange, "destination": queue, "destinationType": "queue", "vhost": "/"}
        for kind, held in (("Queue", {**kept, "arguments": arguments}), ("Binding", bound)):
            obj = _object(landscape, kind, name, held)
            yield placing.manifest(f"{kind.lower()}-{name}", obj, placing.CHANNEL)


def _permission(profile: Profile, landscape: Landscape) -> dict[str, Any]:
    """Let a service use its own exchanges and queues: a publisher makes those of its consumers, too."""
    exchanges, queues = set(), set()
    for channel in profile.facts.publishes:
        exchanges.add(placing.named(channel))
        queues |= {f"{placing.named(channel)}.{consumer}" for consumer in landscape.channels[channel].consumers}
    for channel in profile.facts.consumes:
        exchanges.add(placing.named(channel))
        queues.add(f"{placing.named(channel)}.{profile.name}")
    every = "|".join(sorted(map(re.escape, exchanges | queues)))
    pattern = f"^({every})$"
    return {
        "vhost": "/",
        "userReference": {"name": profile.name},
        "permissions": {"configure": pattern, "write": pattern, "read": pattern},
    }
