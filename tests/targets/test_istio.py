"""The mesh is told what was decided: time-outs and retries of each call, limits, and what each proxy may reach."""

from typing import Any

import msgspec

from fairway.core.parts import Carry
from fairway.core.traffic import Traffic
from fairway.targets.kubernetes.istio import manifests
from fairway.targets.notes import Carried
from fairway_sdk.contract.binding import Binding

RETRIES = {"attempts": 2, "pause": 0.025, "each": 0.3, "on": ["connect-failure", "unavailable"]}
SHOP = {
    "protocols": ["rest"],
    "deadline": 1.6,
    "calls.stock.timeout": 0.6,
    "calls.stock.retries": RETRIES,
    "calls.stock.at_once": 7,
    "calls.stock.opens_after": 3,
}
STOCK = {
    "protocols": ["grpc"],
    "deadline": 2.0,
    "ejection": {"errors": 5, "interval": 5.0, "left_out": 30.0, "at_most": 50},
}


def told(service: str, notes: dict[str, Any]) -> Carried:
    """Write notes of a service; each is of a rule that is called as its place."""
    every = [
        Carry(service=service, rule=f"rule/{path}", path=tuple(path.split(".")), value=value)
        for path, value in notes.items()
    ]
    return Carried(service, every)


def built(stock: dict[str, Any] | None = None, **bindings: dict[str, Any]) -> dict[str, Any]:
    """Render two services, and give the manifests by path."""
    carried = {"shop": told("shop", SHOP), "stock": told("stock", {**STOCK, **(stock or {})})}
    bound = {name: msgspec.convert({"service": name, **one}, Binding) for name, one in bindings.items()}
    return {manifest.path: manifest for manifest in manifests("books", carried, bound)}


def test_each_call_has_its_own_timeout_and_retries_and_everybody_else_none() -> None:
    """The mesh's own defaults would repeat what may not be repeated."""
    one = built()["services/stock/virtualservice.yaml"]
    called, other = one.object["spec"]["http"]
    assert called["match"][0]["sourceLabels"]["app.kubernetes.io/name"] == "shop"
    assert (called["timeout"], called["retries"]["attempts"], called["retries"]["perTryTimeout"]) == (
        "600ms",
        2,
        "300ms",
    )
    assert called["retries"]["retryOn"] == "connect-failure,unavailable"
    assert (other["timeout"], other["retries"]) == ("2s", {"attempts": 0})
    assert one.reason_behind(("spec", "http", 0, "timeout")).rule == "rule/calls.stock.timeout"
    assert one.reason_behind(("spec", "http", 0, "retries", "attempts")).rule == "rule/calls.stock.retries"
    assert one.reason_behind(("spec", "http", 1, "timeout")).rule == "rule/deadline"


def test_the_stricter_of_breaker_and_ejection_counts_with_the_reason_of_its_own() -> None:
    """One rule stands for all callers."""
    one = built()["services/stock/destinationrule.yaml"]
    policy = one.object["spec"]["trafficPolicy"]
    assert policy["outlierDetection"]["consecutive5xxErrors"] == 3
    assert policy["outlierDetection"]["baseEjectionTime"] == "30s"
    assert policy["connectionPool"]["http"] == {"http1MaxPendingRequests": 7, "http2MaxRequests": 7}
    assert policy["tls"] == {"mode": "ISTIO_MUTUAL"}
    path = ("spec", "trafficPolicy", "outlierDetection")
    assert one.reason_behind((*path, "consecutive5xxErrors")).rule == "rule/calls.stock.opens_after"
    assert one.reason_behind((*path, "interval")).rule == "rule/ejection"


def test_regions_take_over_in_a_ring() -> None:
    """Each names the next."""
    one = built({"failover": ["a", "b"]})["services/stock/destinationrule.yaml"]
    setting = one.object["spec"]["trafficPolicy"]["loadBalancer"]["localityLbSetting"]
    assert setting["failover"] == [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]


def test_versions_of_a_release_are_subsets_and_the_first_gets_everything() -> None:
    """Whoever releases the others moves the weights."""
    made = built({"versions": ["stable", "canary"]})
    ways = made["services/stock/virtualservice.yaml"].object["spec"]["http"][0]["route"]
    assert [(way["destination"]["subset"], way["weight"]) for way in ways] == [("stable", 100), ("canary", 0)]
    subsets = made["services/stock/destinationrule.yaml"].object["spec"]["subsets"]
    assert [subset["name"] for subset in subsets] == ["stable", "canary"]


def test_a_proxy_reaches_what_its_service_is_told_of_and_nothing_else() -> None:
    """Hosts outside are made known; a cloud's own store is one of them."""
    made = built(
        shop={
            "calls": {
                "stock": {"address": "stock.books.svc.cluster.local:8081"},
                "bank": {"address": "api.bank.example:443"},
            },
            "stores": {"views": {"kind": "dynamodb", "region": "eu-west-1"}},
            "broker": {"kind": "nats", "address": "nats.books.svc.cluster.local:4222"},
            "telemetry": {"traces": "http://collector.observability.svc.cluster.local:4318/v1/traces"},
            "identity": {"issuers": [{"issuer": "https://id.example/realm", "audience": "books"}]},
        }
    )
    spec = made["services/shop/sidecar.yaml"].object["spec"]
    assert spec["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}
    assert spec["egress"][0]["hosts"] == [
        "./stock.books.svc.cluster.local",
        "./api.bank.example",
        "./dynamodb.eu-west-1.amazonaws.com",
        "./nats.books.svc.cluster.local",
        "observability/collector.observability.svc.cluster.local",
        "./id.example",
        "istio-system/*",
    ]
    entries = {path for path in made if path.startswith("platform/serviceentry")}
    assert entries == {
        f"platform/serviceentry-{name}.yaml"
        for name in ("api-bank-example", "dynamodb-eu-west-1-amazonaws-com", "id-example")
    }


def test_a_worker_has_no_route() -> None:
    """Nothing sends it requests."""
    made = {manifest.path for manifest in manifests("books", {"worker": told("worker", {})}, {})}
    assert made == set()
    assert Traffic(service="worker").protocols == ()
