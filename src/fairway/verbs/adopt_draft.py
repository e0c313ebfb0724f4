"""What the facts of a running system would be, as far as its manifests tell; the rest are questions."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Final

import msgspec

from fairway.core.facts import NAME_PATTERN
from fairway.estate.calling import Calling
from fairway.estate.index import Estate
from fairway.estate.workload import Workload

ENGINES: Final = {
    "PostgreSQL": ("transactional", "postgresql"),
    "CockroachDB": ("transactional", "postgresql"),
    "MySQL": ("transactional", "mysql"),
    "MariaDB": ("transactional", "mysql"),
    "SQL Server": ("transactional", None),
    "Oracle Database": ("transactional", None),
    "MongoDB": ("transactional", None),
    "CouchDB": ("transactional", None),
    "Cassandra": ("write-heavy", "cassandra"),
    "Redis": ("cache", "redis"),
    "memcached": ("cache", None),
    "Hazelcast": ("cache", None),
}
BROKERS: Final = {"RabbitMQ": "rabbitmq", "Kafka": "kafka"}
# Kinds whose objects are stores, by group and kind: what runs them there.
CUSTOM_STORES: Final = {
    ("postgresql.cnpg.io", "Cluster"): "PostgreSQL",
    ("acid.zalan.do", "postgresql"): "PostgreSQL",
    ("pxc.percona.com", "PerconaXtraDBCluster"): "MySQL",
    ("mysql.oracle.com", "InnoDBCluster"): "MySQL",
    ("k8ssandra.io", "K8ssandraCluster"): "Cassandra",
    ("redis.redis.opstreelabs.in", "RedisReplication"): "Redis",
    ("redis.redis.opstreelabs.in", "Redis"): "Redis",
}
PLATFORM: Final = (
    ("mesh", "istio", ("istio.io",)),
    ("gateway", "kong", ("configuration.konghq.com",)),
    ("gateway", "ambassador", ("getambassador.io",)),
    ("secrets", "vault", ("secrets.hashicorp.com",)),
    ("flags", "flagd", ("core.openfeature.dev",)),
)
# Parts of a platform that Fairway brings itself, by words of their images.
BROUGHT: Final = frozenset(
    "alertmanager argocd cert-manager collector elasticsearch fluent-bit fluentbit fluentd grafana "  # noqa: SIM905 - words read better without quotes
    "istio-proxy jaeger kibana kube-state-metrics kubernetes-dashboard logstash loki node-exporter opentelemetry "
    "opentelemetry-collector otel-collector otelcol prometheus promtail proxyv2 tempo zipkin".split()
)

# Names of folders that say what is in them, and not of what system.
FOLDERS: Final = frozenset(
    "base chart charts complete-demo.yaml deploy deployment deployments helm k8s kube kubernetes "  # noqa: SIM905 - as above
    "kubernetes-manifests kustomize manifests overlays release src".split()
)


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """A service that is called, and what tells so."""

    name: str
    evidence: str


class DraftService(msgspec.Struct, frozen=True, kw_only=True):
    """One service as it was found."""

    name: str
    place: str  # file:line
    external: str = ""  # what leads to it from outside
    calls: tuple[Called, ...] = ()
    stores: tuple[Called, ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()  # name and size
    secrets: tuple[str, ...] = ()
    sidecars: tuple[str, ...] = ()
    schedule: str = ""
    to_completion: bool = False


class DraftStore(msgspec.Struct, frozen=True, kw_only=True):
    """One store as it was found."""

    name: str
    place: str
    runs: str  # the product
    workload: str
    engine: str | None  # none: not one that the standard knows


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A whole system as it was found."""

    system: str
    services: tuple[DraftService, ...]
    stores: tuple[DraftStore, ...]
    outside: tuple[tuple[str, str, int], ...]  # name, host, port
    platform: tuple[tuple[str, str], ...]
    issuers: tuple[str, ...]
    domain: str
    unused: tuple[DraftStore, ...] = ()  # stores that nobody seems to use
    left_out: tuple[str, ...]  # parts of the platform, brought by Fairway


def draft(estate: Estate, folder: str) -> Draft:
    """Infer what can be; *folder* names the system where nothing else does."""
    names = _Names()
    stores, brokers, brought, services = _sorted(estate)
    for workload in (*services, *stores):
        names.give(workload)
    called: dict[Workload, dict[Workload, str]] = {}
    outside: dict[str, tuple[str, int]] = {}
    for call in estate.calls:
        if call.caller not in services:
            continue
        if call.callee is not None:
            called.setdefault(call.caller, {}).setdefault(call.callee, call.evidence)
        elif call.service is None and _is_outside(call):
            outside.setdefault(_name(call.host.partition(".")[0]), (call.host, call.port or 443))
    drafted = [_service(estate, one, called.get(one, {}), stores, names) for one in services]
    found = [*(_store(one, product, names) for one, product in stores.items()), *_custom_stores(estate)]
    drafted = _guessed(drafted, found)
    used = {store.name for service in drafted for store in service.stores}
    return Draft(
        system=_system(estate, folder),
        services=tuple(drafted),
        stores=tuple(store for store in found if store.name in used),
        unused=tuple(store for store in found if store.name not in used),
        outside=tuple((name, host, port) for name, (host, port) in sorted(outside.items())),
        platform=tuple(_platform(estate, brokers)),
        issuers=tuple(sorted(set(_issuers(estate)))),
        domain=_domain(estate),
        left_out=tuple(sorted({workload.name for workload in brought})),
    )


def _guessed(services: Iterable[DraftService], stores: Iterable[DraftStore]) -> list[DraftService]:
    """Give a store that nobody seems to use to the service that it is named for: orders-db to orders."""
    known = {service.name: service for service in services}
    used = {store.name for service in known.values() for store in service.stores}
    for store in stores:
        owner = next((name for name in _beginnings(store.name) if name in known), None)
        if store.name not in used and owner is not None:
            mine = (*known[owner].stores, Called(name=store.name, evidence="? by its name only"))
            known[owner] = msgspec.structs.replace(known[owner], stores=mine)
    return list(known.values())


def _beginnings(name: str) -> Iterator[str]:
    """Give all that a name begins with, the longest first: a-b of a-b-c, then a."""
    parts = name.split("-")
    return ("-".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))


class _Names:
    """A name for each workload, as facts spell names, no two alike."""

    def __init__(self) -> None:
        self._given: dict[Workload, str] = {}
        self._taken: set[str] = set()

    def give(self, workload: Workload) -> None:
        """Name it."""
        name = _name(workload.name)
        while name in self._taken:
            name = _name(f"{workload.namespace}-{name}"[:39]) if workload.namespace not in name else f"{name[:38]}x"
        self._taken.add(name)
        self._given[workload] = name

    def __contains__(self, workload: Workload) -> bool:
        return workload in self._given

    def __getitem__(self, workload: Workload) -> str:
        return self._given[workload]


def _sorted(
    estate: Estate,
) -> tuple[dict[Workload, str], dict[Workload, str], list[Workload], dict[Workload, None]]:
    """Tell stores, brokers, parts of a platform, and services apart."""
    stores: dict[Workload, str] = {}
    brokers: dict[Workload, str] = {}
    brought: list[Workload] = []
    services: dict[Workload, None] = {}
    for workload in estate.workloads:
        if workload.resource.file in estate.context:
            continue
        store = estate.store_of(workload)
        if store is not None and store.engine in ENGINES:
            stores[workload] = store.engine
        elif store is not None and store.engine in BROKERS:
            brokers[workload] = BROKERS[store.engine]
        elif store is not None or _is_brought(workload):
            brought.append(workload)
        else:
            services[workload] = None
    return stores, brokers, brought, services


def _is_brought(workload: Workload) -> bool:
    words = {"-".join(container.image_words) for container in workload.containers}
    words.update(word for container in workload.containers for word in container.image_words)
    return workload.kind == "DaemonSet" or not BROUGHT.isdisjoint(words)


def _service(
    estate: Estate, workload: Workload, called: Mapping[Workload, str], stores: Mapping[Workload, str], names: _Names
) -> DraftService:
    entrances = estate.entrances(workload)
    peers, kept = [], []
    for callee, evidence in called.items():
        if callee in stores:
            kept.append(Called(name=names[callee], evidence=evidence))
        elif callee in names:
            peers.append(Called(name=names[callee], evidence=evidence))
    return DraftService(
        name=names[workload],
        place=f"{workload.resource.file}:{workload.resource.root.line}",
        external=f"{entrances[0].kind} {entrances[0].name}" if entrances else "",
        calls=tuple(sorted(peers, key=lambda one: one.name)),
        stores=tuple(sorted(kept, key=lambda one: one.name)),
        volumes=tuple(_volumes(estate, workload)),
        secrets=tuple(sorted(set(_secrets(workload)))),
        sidecars=tuple(_name(one.name) for one in (*workload.containers[1:], *workload.sidecars)),
        schedule=workload.resource.spec.text("schedule") if workload.kind == "CronJob" else "",
        to_completion=workload.runs_to_completion,
    )


def _volumes(estate: Estate, workload: Workload) -> Iterator[tuple[str, str]]:
    sizes = {
        claim.mapping("metadata").text("name"): claim.mapping("spec").mapping("resources").mapping("requests")
        for claim in workload.resource.spec.items("volumeClaimTemplates")
    }
    for name, request in sizes.items():
        yield _name(name), _size(str(request.value.get("storage") or ""))
    for volume in estate.written_claims(workload):
        found = estate.find("PersistentVolumeClaim", workload.namespace, volume.claim, workload.resource)
        request_ = next((one.spec.mapping("resources").mapping("requests").value.get("storage") for one in found), "")
        yield _name(volume.name), _size(str(request_ or ""))


def _secrets(workload: Workload) -> Iterator[str]:
    for container in workload.every_container:
        for variable in container.variables:
            reference = variable.node.mapping("valueFrom").mapping("secretKeyRef")
            if reference.text("name"):
                yield _name(f"{reference.text('name')}-{reference.text('key')}")
        for source in container.node.items("envFrom"):
            if name := source.mapping("secretRef").text("name"):
                yield _name(name)
    for volume in workload.volumes:
        if volume.source == "secret" and (name := volume.node.mapping("secret").text("secretName")):
            yield _name(name)


def _store(workload: Workload, product: str, names: _Names) -> DraftStore:
    kind, engine = ENGINES[product]
    place = f"{workload.resource.file}:{workload.resource.root.line}"
    return DraftStore(name=names[workload], place=place, runs=product, workload=kind, engine=engine)


def _custom_stores(estate: Estate) -> Iterator[DraftStore]:
    for resource in estate.own:
        if (product := CUSTOM_STORES.get((resource.group, resource.kind))) is not None:
            kind, engine = ENGINES[product]
            place = f"{resource.file}:{resource.root.line}"
            yield DraftStore(name=_name(resource.name), place=place, runs=product, workload=kind, engine=engine)


def _platform(estate: Estate, brokers: Mapping[Workload, str]) -> Iterator[tuple[str, str]]:
    groups = Counter(resource.group for resource in estate.resources)
    seen: set[str] = set()
    for key, choice, endings in PLATFORM:
        if key not in seen and any(group.endswith(ending) for group in groups for ending in endings):
            seen.add(key)
            yield key, choice
    if brokers:
        yield "broker", next(iter(brokers.values()))
    strategies = {key for one in estate.of_kind("Rollout", "argoproj.io") for key in one.spec.keys("strategy")}
    if strategies:
        yield "progressive", "canary" if "canary" in strategies else "blue-green"


def _issuers(estate: Estate) -> Iterator[str]:
    for resource in estate.of_kind("RequestAuthentication", "security.istio.io"):
        for rule in resource.spec.items("jwtRules"):
            if rule.text("issuer").startswith("https://"):
                yield rule.text("issuer")


def _domain(estate: Estate) -> str:
    hosts: Counter[str] = Counter()
    for kind in ("Ingress", "HTTPRoute", "VirtualService", "Gateway"):
        for resource in estate.of_kind(kind):
            hosts.update(rule.text("host") for rule in resource.spec.items("rules"))
            hosts.update(resource.spec.texts("hostnames") if kind == "HTTPRoute" else ())
    good = [host for host, _ in hosts.most_common() if "." in host and "*" not in host and host.islower()]
    return good[0] if good else ""


def _system(estate: Estate, folder: str) -> str:
    """Name the system as its own labels do, or its namespace, or its folder."""
    labels = Counter(w.resource.labels.get("app.kubernetes.io/part-of", "") for w in estate.workloads)
    spaces = Counter(w.namespace for w in estate.workloads)
    for counted in (labels, spaces):
        for name, _ in counted.most_common():
            if name not in {"", "default"}:
                return _name(name)
    parts = [part for part in PurePath(folder).parts if part.lower() not in FOLDERS and part != "/"]
    return _name(parts[-1] if parts else "my-system")


def _is_outside(call: Calling) -> bool:
    labels = call.host.split(".")
    return len(labels) > 1 and not call.host.endswith(".local") and "svc" not in labels and not labels[-1].isdigit()


def _name(text: str) -> str:
    """Spell a name as facts do."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return name if re.fullmatch(NAME_PATTERN, name) else (f"x-{name}"[:40].rstrip("-") if name else "unnamed")


def _size(text: str) -> str:
    return text if re.fullmatch(r"[1-9][0-9]{0,8}(Mi|Gi|Ti)", text) else "10Gi"
