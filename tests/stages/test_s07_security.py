"""Security decides identities, connections, images and keys, and is complete before anything is public."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.order import order as waves_of
from fairway.core.profile import Landscape, survey
from fairway.stages.s02_containers import decisions as containers
from fairway.stages.s07_security import decisions
from fairway.stages.s07_security.decisions.identity import Access, Identity, InternalTls, TlsProxy
from fairway.stages.s07_security.decisions.images import Admission, ImageGate
from fairway.stages.s07_security.decisions.network import Peer
from fairway.stages.s07_security.decisions.protection import AtRest, Key, Protection
from fairway.stages.s07_security.order import order
from fairway.stages.s10_data import decisions as data

Facts = dict[str, Any]
MESH: Facts = {"platform": {"mesh": "istio"}}


def land(services: Facts, **rest: Any) -> Landscape:  # noqa: ANN401 - any fact may be given
    """Survey a small system."""
    facts = {name.replace("_", "-"): value for name, value in rest.items()}
    return survey(msgspec.convert({"system": "shop", "services": services, **facts}, System))


def find(made: Iterable[AnyDecision], rule: str, topic: str, subject: str = "") -> AnyDecision:
    """Find the one decision on a subject."""
    (found,) = [d for d in made if (d.rule, d.topic, d.subject) == (f"security/{rule}", topic, subject)]
    return found


def made(landscape: Landscape, service: str = "orders") -> list[AnyDecision]:
    """Decide about one service."""
    return list(decisions.for_service(landscape.services[service], landscape))


def of(facts: Facts, rule: str, topic: str, subject: str = "", **rest: Any) -> AnyDecision:  # noqa: ANN401
    """Decide about orders, which has these facts."""
    return find(made(land({"orders": facts}, **rest)), rule, topic, subject)


def whole(rule: str, topic: str, landscape: Landscape) -> AnyDecision:
    """Decide about the system."""
    return find(decisions.for_system(landscape), rule, topic)


STORES: Facts = {
    "db": {"workload": "transactional", "data": ["personal"]},
    "ledger": {"workload": "transactional", "data": ["personal", "regulated"]},
    "records": {"workload": "write-heavy", "engine": "cassandra", "data": ["regulated"]},
    "seen": {"workload": "cache"},
}


def test_every_service_has_an_identity_of_its_own() -> None:
    """The name on the wire follows from the system's and the service's."""
    decision = of({}, "mtls", "identity")
    assert decision.value == Identity(
        spiffe="spiffe://cluster.local/ns/shop/sa/orders", namespace="shop", account="orders", lifetime="24h"
    )
    assert "cert-manager" in decision.answer
    assert "Istio" in of({}, "mtls", "identity", **MESH).answer


def test_without_a_mesh_a_proxy_beside_the_service_ends_tls() -> None:
    """Its certificate names the service as callers do; with a mesh the decision is not made."""
    proxy = of({}, "tls-without-mesh", "TLS").value
    assert isinstance(proxy, TlsProxy)
    assert proxy.certificate == "orders-tls"
    assert proxy.dns_names == ("orders", "orders.shop", "orders.shop.svc.cluster.local")
    assert proxy.plain_paths == ("/livez", "/readyz", "/startedz")
    assert "TLS" not in {decision.topic for decision in made(land({"orders": {}}, **MESH))}


def test_inner_traffic_is_the_mesh_s_business_where_there_is_one() -> None:
    """The deciding rule flips with the mesh; the strictness does not."""
    meshed = whole("mesh-mtls", "inner traffic", land({"orders": {}}, **MESH))
    plain = whole("tls-without-mesh", "inner traffic", land({"orders": {"exposure": "external"}}))
    assert meshed.value == InternalTls(issuer="istio", mode="STRICT", deny_by_default=True)
    assert plain.value == InternalTls(issuer="cert-manager", mode="STRICT", deny_by_default=True)
    assert "gateway" in plain.answer
    assert "gateway" not in meshed.answer


def test_only_declared_callers_the_gateway_and_prometheus_may_call() -> None:
    """A caller comes in by gRPC, the gateway by REST, Prometheus by the admin port."""
    prometheus = Peer(kind="prometheus", name="prometheus", port=9000)
    assert of({}, "network-policies", "may be called by").value == (prometheus,)
    landscape = land({"orders": {"exposure": "external"}, "web": {"calls": {"orders": {}}}, "other": {}})
    decision = find(made(landscape), "network-policies", "may be called by")
    assert decision.value == (
        Peer(kind="service", name="web", port=8081),
        Peer(kind="gateway", name="kong", port=8080),
        prometheus,
    )
    assert decision.answer == "web (8081), the gateway Kong (8080) and prometheus (9000); nobody else"
    assert decision.because == "web calls it, it is exposed externally and its metrics are scraped"


def test_a_service_may_call_what_it_declares_and_nothing_else() -> None:
    """Callees, stores, broker, outside systems, the trace collector and DNS each have a fact behind them."""
    assert of({}, "network-policies", "may call").value == (Peer(kind="dns", name="cluster-dns", port=53),)
    landscape = land(
        {"orders": {"calls": {"stock": {}, "bank": {}}, "stores": ["db"], "publishes": ["placed"]}, "stock": {}},
        stores={"db": {"workload": "transactional", "engine": "mysql"}},
        channels={"placed": {}},
        external_systems={"bank": {"host": "api.bank.example.com", "port": 8443}},
        platform={"broker": "kafka"},
    )
    decision = find(made(landscape), "network-policies", "may call")
    assert decision.value == (
        Peer(kind="dns", name="cluster-dns", port=53),
        Peer(kind="service", name="stock", port=8081),
        Peer(kind="store", name="db", port=3306),
        Peer(kind="broker", name="kafka", port=9093),
        Peer(kind="external", name="bank", port=8443, host="api.bank.example.com"),
        Peer(kind="collector", name="opentelemetry-collector", port=4318),
    )
    assert "the broker Kafka (9093), bank at api.bank.example.com (8443)" in decision.answer
    assert "to its port only" in decision.because


def test_what_verifies_tokens_may_fetch_the_keys_of_their_issuers() -> None:
    """Otherwise it refuses every token; behind a federation that is the federation's key set alone."""
    one = {"people": {"issuer": "https://id.example.com:8443/realms/people"}}
    two = {**one, "partners": {"issuer": "https://partners.example.org"}}
    people = Peer(kind="issuer", name="identity provider people", port=8443, host="id.example.com")
    joined = Peer(kind="issuer", name="the federation of identity providers", port=443)
    for providers, wanted in (({}, []), (one, [people]), (two, [joined])):
        decision = of({"exposure": "external"}, "network-policies", "may call", identity_providers=providers)
        assert [peer for peer in decision.value if peer.kind == "issuer"] == wanted
    run = of({"runs": "to-completion"}, "network-policies", "may call", identity_providers=one)
    assert not [peer for peer in run.value if peer.kind == "issuer"]
    said = of({"exposure": "external"}, "network-policies", "may call", identity_providers=one)
    assert "identity provider people at id.example.com (8443)" in said.answer
    assert said.because.endswith("tokens are verified by the keys of who gave them")


def test_a_mesh_holds_calls_outside_to_their_host_names() -> None:
    """A policy knows no host names, so the difference is said."""
    outside: Facts = {"external_systems": {"bank": {"host": "bank.example.com"}}}
    decision = of({"calls": {"bank": {}}}, "network-policies", "may call", **outside, **MESH)
    assert "the mesh holds calls to its host name" in decision.because
    assert Peer(kind="mesh", name="istiod", port=15012) in decision.value


def test_both_ends_of_a_declared_call_name_one_another() -> None:
    """What one may call is what the other may be called by, on the same port."""
    landscape = land({"orders": {"calls": {"stock": {}}}, "stock": {"calls": {"orders": {}}}})
    for caller, callee in (("orders", "stock"), ("stock", "orders")):
        out = find(made(landscape, caller), "network-policies", "may call").value
        into = find(made(landscape, callee), "network-policies", "may be called by").value
        assert Peer(kind="service", name=callee, port=8081) in out
        assert Peer(kind="service", name=caller, port=8081) in into


def test_what_nobody_declared_is_refused_in_both_directions() -> None:
    """In and out."""
    assert whole("network-policies", "undeclared connections", land({"orders": {}})).value == ("Ingress", "Egress")


def test_a_service_has_an_account_and_no_token() -> None:
    """Nothing in the facts needs the Kubernetes API."""
    assert of({}, "rbac", "Kubernetes API").value == Access(account="orders", automount_token=False)


GATES: list[tuple[Facts, ImageGate]] = [
    ({"criticality": "mission-critical"}, ImageGate(severities=("HIGH", "CRITICAL"), unfixed=True)),
    ({}, ImageGate(severities=("HIGH", "CRITICAL"), unfixed=False)),
    ({"criticality": "low"}, ImageGate(severities=("CRITICAL",), unfixed=False)),
    ({"criticality": "low", "data": ["personal"]}, ImageGate(severities=("HIGH", "CRITICAL"), unfixed=False)),
    ({"criticality": "low", "data": ["regulated"]}, ImageGate(severities=("HIGH", "CRITICAL"), unfixed=True)),
]


@pytest.mark.parametrize(("facts", "gate"), GATES)
def test_criticality_and_data_decide_which_findings_keep_an_image_out(facts: Facts, gate: ImageGate) -> None:
    """Admission asks what the scan in CI asks, or one of them would be for show."""
    landscape = land({"orders": facts})
    assert find(made(landscape), "image-scan", "image admission").value == gate
    (scan,) = [
        decision.value
        for decision in containers.for_service(landscape.services["orders"], landscape)
        if decision.rule == "containers/scan-in-ci"
    ]
    assert (scan.severities, scan.unfixed) == (gate.severities, gate.unfixed)


def test_unsigned_images_are_refused_where_the_environment_is_secure() -> None:
    """Elsewhere they raise a warning."""
    places = land({"orders": {}}, environments={"staging": {"secure": False}, "production": {}})
    decision = whole("image-scan", "unsigned images", places)
    assert decision.value == Admission(modes={"staging": "warn", "production": "enforce"})
    assert decision.answer == "refused in production, let in with a warning in staging"
    open_ = whole("image-scan", "unsigned images", land({"orders": {}}, environments={"lab": {"secure": False}}))
    assert open_.because == "no environment is secure"


def test_sensitive_data_travels_by_tls_to_everything_it_is_sent_to() -> None:
    """Stores, the broker and what lies outside; a service without sensitive data gets no such decision."""
    landscape = land(
        {"orders": {"stores": ["db"], "publishes": ["placed"], "calls": {"bank": {}}}, "web": {}},
        stores=STORES,
        channels={"placed": {}},
        external_systems={"bank": {"host": "bank.example.com"}},
    )
    assert find(made(landscape), "encryption", "encryption in transit").value == ("store db", "the broker", "bank")
    assert "security/encryption" not in {decision.rule for decision in made(landscape, "web")}
    assert of({"data": ["personal"]}, "encryption", "encryption in transit").value == ()


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("db", AtRest(data=("personal",), on_disk=True, key=Key(of="system", rotated="1y"), fields="person")),
        (
            "ledger",
            AtRest(data=("regulated", "personal"), on_disk=True, key=Key(of="place", rotated="90d"), fields="person"),
        ),
        ("records", AtRest(data=("regulated",), on_disk=True, key=Key(of="place", rotated="90d"), fields="place")),
        ("seen", AtRest(data=(), on_disk=False, key=Key(of="system", rotated="1y"), fields=None)),
    ],
)
def test_the_class_of_data_decides_the_keys(store: str, expected: AtRest) -> None:
    """Personal fields get a key for each person; regulated data a disk key of its own; a cache no disk at all."""
    decision = of(
        {"stores": [store], "secure-user-data": True},
        "encryption",
        "encryption at rest",
        f"store {store}",
        stores=STORES,
    )
    assert decision.value == expected


@pytest.mark.parametrize("store", ["db", "ledger", "records"])
def test_security_and_data_say_the_same_about_a_store_s_disk(store: str) -> None:
    """Two rooms speak of one key; they may not disagree."""
    landscape = land({"orders": {"stores": [store]}}, stores=STORES)
    mine = find(made(landscape), "encryption", "encryption at rest", f"store {store}").value
    both = [*data.for_service(landscape.services["orders"], landscape), *data.for_system(landscape)]
    (theirs,) = [
        decision.value
        for decision in both
        if decision.rule == "data/encryption-at-rest" and decision.subject == f"store {store}"
    ]
    assert (mine.key.of, mine.key.rotated, mine.fields) == (theirs.volume_key, theirs.rotated, theirs.fields)


def test_a_channel_and_a_volume_with_personal_data_get_keys_too() -> None:
    """An event outlives the row it speaks of; one without personal data needs nothing."""
    facts: Facts = {"publishes": ["placed", "ticked"], "volumes": {"v": {}}, "data": ["personal"]}
    landscape = land({"orders": facts}, channels={"placed": {"data": ["personal"]}, "ticked": {}})
    subjects = {d.subject: d.value.fields for d in made(landscape) if d.topic == "encryption at rest"}
    assert subjects == {"store orders-db": None, "its own state": "person", "channel placed": "person"}


def test_keys_are_kept_by_the_chosen_manager_where_anything_is_sensitive() -> None:
    """No sensitive data, no keeper."""
    sensitive = land({"orders": {"data": ["personal"]}}, platform={"secrets": "gcp"})
    decision = whole("encryption", "keys", sensitive)
    assert decision.value == "gcp"
    assert "Cloud KMS" in decision.answer
    assert "keys" not in {decision.topic for decision in decisions.for_system(land({"orders": {}}))}


PROTECTIONS: list[tuple[Facts, Protection]] = [
    (
        {"data": ["personal"]},
        Protection(
            classes=("personal",),
            access_log="1y",
            erase=True,
            export=True,
            answer_within="30d",
            hold=False,
            secrets_of_others=False,
        ),
    ),
    (
        {"data": ["regulated"]},
        Protection(
            classes=("regulated",),
            access_log="7y",
            erase=False,
            export=False,
            answer_within=None,
            hold=True,
            secrets_of_others=False,
        ),
    ),
    (
        {"keeps-secrets-for-others": True},
        Protection(
            classes=(),
            access_log="1y",
            erase=False,
            export=False,
            answer_within=None,
            hold=False,
            secrets_of_others=True,
        ),
    ),
]


@pytest.mark.parametrize(("facts", "expected"), PROTECTIONS, ids=["personal", "regulated", "secrets of others"])
def test_protected_data_gets_the_measures_of_its_kind(facts: Facts, expected: Protection) -> None:
    """People may be forgotten, records are held, secrets of others are never exported."""
    decision = of(facts, "data-protection", "data protection")
    assert decision.value == expected
    assert ("erased and exported within 30d" in decision.answer) is expected.erase
    assert ("held until their time is over" in decision.answer) is expected.hold
    assert ("never logged or exported" in decision.answer) is expected.secrets_of_others


def test_secrets_that_are_merely_used_need_no_data_protection() -> None:
    """They are a matter of the secrets manager."""
    assert "data protection" not in {decision.topic for decision in made(land({"orders": {"secrets": ["key"]}}))}


PERSONAL: Facts = {"data": ["personal"]}
RULES: list[tuple[str, Facts, Facts, Facts | None, Facts, str]] = [
    ("mtls", {}, {}, None, {}, "every service"),
    ("rbac", {}, {}, None, {}, "every service"),
    ("network_policies", {}, {}, None, {}, "every service"),
    ("image_scan", {}, {}, None, {}, "every service"),
    ("mesh_mtls", {}, MESH, {}, {}, "no mesh"),
    ("tls_without_mesh", {}, {}, {}, MESH, "has a mesh"),
    ("encryption", PERSONAL, {}, {}, {}, "no secure user data"),
    ("encryption", {"secure-user-data": True}, {}, {"keeps-secrets-for-others": True}, {}, "no personal or regulated"),
    ("data_protection", PERSONAL, {}, {"secure-user-data": True}, {}, "no secrets for others"),
    ("data_protection", {"keeps-secrets-for-others": True}, {}, {"secrets": ["key"]}, {}, "no personal or regulated"),
]


@pytest.mark.parametrize(("slug", "facts", "system", "others", "other_system", "words"), RULES)
def test_a_rule_applies_where_the_standard_says_so(
    slug: str, facts: Facts, system: Facts, others: Facts | None, other_system: Facts, words: str
) -> None:
    """It holds for the first facts and not for the others, and says why."""
    rule = import_module(f"fairway.stages.s07_security.{slug}").RULE
    holds = rule.applies(land({"orders": facts}, **system).services["orders"])
    assert holds.holds
    assert holds.because
    if others is None:
        assert words in holds.because
        return
    verdict = rule.applies(land({"orders": others}, **other_system).services["orders"])
    assert not verdict.holds
    assert words in verdict.because


def test_what_belongs_to_the_system_is_reported_once() -> None:
    """The mesh's strictness and the gate at admission are not a matter of each service."""
    once = {slug for slug, *_ in RULES if import_module(f"fairway.stages.s07_security.{slug}").RULE.once}
    assert once == {"mesh_mtls", "image_scan"}


@pytest.mark.parametrize(("system", "rule"), [({}, "security/tls-without-mesh"), (MESH, "security/mesh-mtls")])
def test_security_is_complete_when_every_service_has_its_own(system: Facts, rule: str) -> None:
    """Everything is refused first, then each service is allowed its own, and only then it starts."""
    edges = list(order(land({"orders": {}, "web": {}}, **system)))
    assert {(edge.first, edge.then) for edge in edges} == {
        ("platform", "security/system"),
        ("security/system", "security"),
        *(("security/system", f"security/{name}") for name in ("orders", "web")),
        *((f"security/{name}", f"workload/{name}") for name in ("orders", "web")),
        *((f"security/{name}", "security") for name in ("orders", "web")),
    }
    assert edges[0].rule == rule
    waves = waves_of(edges).waves
    assert waves[:2] == (("platform",), ("security/system",))
    assert "security" in waves[-1]
