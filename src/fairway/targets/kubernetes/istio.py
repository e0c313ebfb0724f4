"""The mesh of one site: routes, destinations and the reach of each proxy, from what the rooms tell about traffic."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any, Final
from urllib.parse import urlsplit

from fairway.core.artefact import KeyPath, Manifest, Reason
from fairway.core.cluster import MESH, host
from fairway.core.labels import metadata, selector
from fairway.core.traffic import Call, Ejection, Traffic
from fairway.targets.kubernetes.sketch import Sketch
from fairway.targets.notes import Carried
from fairway_sdk.contract import GRPC_PORT, REST_PORT
from fairway_sdk.contract.binding import Binding

ROUTES: Final = "routing/virtualservice-destinationrule"
CLUSTER: Final = ".svc.cluster.local"
TLS_PORTS: Final = (443, 8443)
CONNECTS_WITHIN: Final = "1s"
PORTS: Final = {"rest": REST_PORT, "grpc": GRPC_PORT}
COUNTED: Final = ("consecutive5xxErrors", "consecutiveGatewayErrors", "consecutiveLocalOriginFailures")
DYNAMODB: Final = "dynamodb.{region}.amazonaws.com"


def manifests(system: str, told: Mapping[str, Carried], bindings: Mapping[str, Binding]) -> Iterator[Manifest]:
    """Render the mesh: for what is called its route and destination, for each proxy the hosts it may reach.

    *told* and *bindings* are by service, and of one site.
    """
    calls: dict[str, dict[str, Call]] = {}
    for caller, one in told.items():
        for callee, call in one.traffic.calls.items():
            calls.setdefault(callee, {})[caller] = call
    for service, one in told.items():
        if one.traffic.protocols:
            yield _virtual_service(system, service, told, calls.get(service, {}))
            yield _destination_rule(system, service, told, calls.get(service, {}))
    outside: dict[str, set[int]] = {}
    for service, binding in bindings.items():
        reached = dict.fromkeys(_reached(binding))
        yield _sidecar(system, service, [name for name, _ in reached])
        for name, port in reached:
            if not name.endswith(CLUSTER):
                outside.setdefault(name, set()).add(port)
    for name, ports in sorted(outside.items()):
        yield _service_entry(system, name, sorted(ports))


def _virtual_service(system: str, service: str, told: Mapping[str, Carried], callers: Mapping[str, Call]) -> Manifest:
    sketch, own = _sketch("VirtualService", system, service), told[service]
    name = host(service, system)
    sketch.put(("spec", "hosts"), [name])
    routes = 0
    inner = PORTS["grpc" if "grpc" in own.traffic.protocols else "rest"]
    for caller, call in callers.items():
        path: KeyPath = ("spec", "http", routes)
        sketch.put((*path, "name"), f"from-{caller}")
        sketch.put((*path, "match"), [{"port": inner, "sourceLabels": selector(system, caller)}])
        sketch.put((*path, "route"), _ways(own.traffic, name, inner))
        sketch.put((*path, "timeout"), _spelt(call.timeout), told[caller].reason("calls", service, "timeout"))
        _put_retries(sketch, (*path, "retries"), call, told[caller].reason("calls", service, "retries"))
        routes += 1
    for protocol in own.traffic.protocols:
        path = ("spec", "http", routes)
        sketch.put((*path, "name"), protocol)
        sketch.put((*path, "match"), [{"port": PORTS[protocol]}])
        sketch.put((*path, "route"), _ways(own.traffic, name, PORTS[protocol]))
        if own.traffic.deadline is not None:
            sketch.put((*path, "timeout"), _spelt(own.traffic.deadline), own.reason("deadline"))
        # The mesh would retry twice by itself; who is not known here declared nothing as idempotent.
        sketch.put((*path, "retries"), {"attempts": 0})
        routes += 1
    return _manifest(sketch, service)


def _ways(traffic: Traffic, name: str, port: int) -> list[dict[str, Any]]:
    """Send everything to the one version, or to the first of several: whoever releases the others moves the weights."""
    there: dict[str, Any] = {"host": name, "port": {"number": port}}
    if not traffic.versions:
        return [{"destination": there}]
    return [
        {"destination": {**there, "subset": version}, "weight": 0 if number else 100}
        for number, version in enumerate(traffic.versions)
    ]


def _put_retries(sketch: Sketch, path: KeyPath, call: Call, reason: Reason | None) -> None:
    if call.retries is None:
        sketch.put(path, {"attempts": 0})
        return
    again = {
        "attempts": call.retries.attempts,
        "perTryTimeout": _spelt(call.retries.each),
        "backoff": _spelt(call.retries.pause),
        "retryOn": ",".join(call.retries.on),
        "retryRemoteLocalities": True,
    }
    sketch.put(path, again, reason)


def _destination_rule(system: str, service: str, told: Mapping[str, Carried], callers: Mapping[str, Call]) -> Manifest:
    sketch, own = _sketch("DestinationRule", system, service), told[service]
    sketch.put(("spec", "host"), host(service, system))
    policy: KeyPath = ("spec", "trafficPolicy")
    sketch.put((*policy, "tls"), {"mode": "ISTIO_MUTUAL"}, Reason(rule="security/mesh-mtls", topic="inner traffic"))
    sketch.put((*policy, "loadBalancer", "simple"), "LEAST_REQUEST")
    if own.traffic.failover:
        near = {"enabled": True, "failover": _next(own.traffic.failover)}
        sketch.put((*policy, "loadBalancer", "localityLbSetting"), near, own.reason("failover"))
    sketch.put((*policy, "connectionPool", "tcp"), {"connectTimeout": CONNECTS_WITHIN})
    # One rule stands for all callers. Each keeps to its own limit in its client; this one holds if that fails.
    most = {call.at_once: told[caller].reason("calls", service, "at_once") for caller, call in callers.items()}
    if own.traffic.public is not None:
        under_way = ceil(own.traffic.public.route.per_second * (own.traffic.deadline or 1))
        most.setdefault(under_way, own.reason("public", "route"))
    if most:
        http = {"http1MaxPendingRequests": max(most), "http2MaxRequests": max(most)}
        sketch.put((*policy, "connectionPool", "http"), http, most[max(most)])
    if own.traffic.ejection is not None:
        path = (*policy, "outlierDetection")
        sketch.put(path, _left_out(own.traffic.ejection), own.reason("ejection"))
        breakers = {
            call.opens_after: told[caller].reason("calls", service, "opens_after")
            for caller, call in callers.items()
            if call.opens_after is not None and call.opens_after <= own.traffic.ejection.errors
        }
        for key in COUNTED if breakers else ():
            sketch.put((*path, key), min(breakers), breakers[min(breakers)])
    if own.traffic.versions:
        subsets = [{"name": version, "labels": selector(system, service)} for version in own.traffic.versions]
        sketch.put(("spec", "subsets"), subsets, own.reason("versions"))
    return _manifest(sketch, service)


def _next(regions: tuple[str, ...]) -> list[dict[str, str]]:
    """Name for each region the one that takes over: the next in order, and the first after the last."""
    return [{"from": one, "to": other} for one, other in zip(regions, (*regions[1:], regions[0]), strict=True)]


def _left_out(ejection: Ejection) -> dict[str, Any]:
    return {
        **dict.fromkeys(COUNTED, ejection.errors),
        "splitExternalLocalOriginErrors": True,
        "interval": _spelt(ejection.interval),
        "baseEjectionTime": _spelt(ejection.left_out),
        "maxEjectionPercent": ejection.at_most,
    }


def _sidecar(system: str, service: str, names: list[str]) -> Manifest:
    """Write what a service's proxy may reach: what its binding names, and the mesh itself."""
    sketch = _sketch("Sidecar", system, service, topic="reach")
    sketch.put(("spec", "workloadSelector"), {"labels": selector(system, service)})
    inside = [f"{_namespace(name)}/{name}" if name.endswith(CLUSTER) else f"./{name}" for name in names]
    hosts = [f"./{name.partition('/')[2]}" if name.startswith(f"{system}/") else name for name in inside]
    sketch.put(("spec", "egress"), [{"hosts": [*hosts, f"{MESH}/*"]}])
    sketch.put(("spec", "outboundTrafficPolicy"), {"mode": "REGISTRY_ONLY"})
    return _manifest(sketch, service)


def _service_entry(system: str, name: str, ports: list[int]) -> Manifest:
    """Make a host outside known to the mesh; what no service is told stays unknown, and cannot be reached."""
    sketch = Sketch()
    sketch.put(("apiVersion",), "networking.istio.io/v1")
    sketch.put(("kind",), "ServiceEntry")
    file = name.replace(".", "-")
    sketch.put(("metadata",), metadata(system, file))
    sketch.put(("spec", "hosts"), [name])
    protocols = {port: "TLS" if port in TLS_PORTS else "TCP" for port in ports}
    sketch.put(
        ("spec", "ports"),
        [{"number": port, "name": f"{said.lower()}-{port}", "protocol": said} for port, said in protocols.items()],
    )
    sketch.put(("spec", "location"), "MESH_EXTERNAL")
    sketch.put(("spec", "resolution"), "DNS")
    sketch.put(("spec", "exportTo"), ["."])
    return Manifest(
        path=f"platform/serviceentry-{file}.yaml",
        rule=ROUTES,
        topic="reach",
        object=sketch.object,
        reasons=sketch.reasons,
    )


def _reached(binding: Binding) -> Iterator[tuple[str, int]]:
    """Name every host and port that a service is told of."""
    addresses = [call.address for call in binding.calls.values()]
    addresses += [store.address or f"{DYNAMODB.format(region=store.region)}:443" for store in binding.stores.values()]
    if binding.broker is not None:
        addresses.append(binding.broker.address)
    for address in addresses:
        name, _, port = address.rpartition(":")
        yield name, int(port)
    urls = [binding.telemetry.traces, *(issuer.keys or issuer.issuer for issuer in binding.identity.issuers)]
    for url in filter(None, urls):
        split = urlsplit(url)
        if split.hostname:
            yield split.hostname, split.port or (443 if split.scheme == "https" else 80)


def _namespace(name: str) -> str:
    return name.removesuffix(CLUSTER).rpartition(".")[2]


def _spelt(seconds: float) -> str:
    return f"{seconds:g}s" if seconds == int(seconds) else f"{round(seconds * 1000)}ms"


def _sketch(kind: str, system: str, service: str, topic: str = "routes") -> Sketch:
    sketch = Sketch()
    sketch.put(("apiVersion",), "networking.istio.io/v1")
    sketch.put(("kind",), kind)
    sketch.put(("metadata",), metadata(system, service))
    sketch.reasons[("spec",)] = Reason(rule=ROUTES, topic=topic)
    return sketch


def _manifest(sketch: Sketch, service: str) -> Manifest:
    return Manifest(
        path=f"services/{service}/{sketch.object['kind'].lower()}.yaml",
        service=service,
        rule=ROUTES,
        topic=sketch.reasons[("spec",)].topic,
        object=sketch.object,
        reasons=sketch.reasons,
    )
