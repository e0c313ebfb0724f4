"""Envoy's resources say what was decided, no more and no less."""

import json
from typing import Any

import msgspec
import pytest

from fairway.core.traffic import Call, Ejection, Issuer, Limit, Public, Retries, Traffic
from fairway.targets.envoy.fields import duration
from fairway.targets.envoy.places import Gateway, KeySet, Picture, Places, Proxy, Replica, Store, Traces, identities
from fairway.targets.envoy.resources import bootstrap, in_one_piece, resources
from fairway.targets.envoy.tls import secret_files

LIMIT = Limit(per_second=2, burst=9)
OPENED = Public(
    prefix="/shop",
    issuers=(
        Issuer(issuer="https://id.example.com", audience="a"),
        Issuer(issuer="https://id.example.com", audience="b"),
    ),
    anonymous=("GET /books/*/pages", "/feeds/**", "/"),
    route=LIMIT,
    consumer=LIMIT,
    unknown=LIMIT,
)
RETRIES = Retries(attempts=2, pause=0.025, each=0.3, on=("connect-failure", "unavailable"))
TRAFFIC = {
    "shop": Traffic(
        service="shop",
        protocols=("rest",),
        deadline=1.6,
        public=OPENED,
        calls={"stock": Call(timeout=0.6, retries=RETRIES, at_once=7, opens_after=3), "post": Call(timeout=1)},
    ),
    "stock": Traffic(
        service="stock",
        protocols=("grpc",),
        callers=("shop",),
        identity="spiffe://cluster.local/ns/other/sa/stock",
        ejection=Ejection(errors=5, interval=10, left_out=30, at_most=50),
        failover=("west", "south", "north"),
    ),
    "post": Traffic(service="post", protocols=("rest",)),
}
PLACES = Places(
    system="demo",
    issuers={"https://id.example.com": KeySet(issuer="http://127.0.0.1:8080/-/idp", keys='{"keys":[{}]}')},
    replicas=(
        Replica(
            service="shop",
            name="shop-0",
            port=1,
            region="north",
            rest="unix:/run/shop",
            calls={"stock": "unix:/run/to-stock", "post": "unix:/run/to-post"},
            stores={"db": "unix:/run/db/.s.PGSQL.5432"},
        ),
        Replica(service="stock", name="stock-0", port=2, region="south", version="v1", grpc="unix:/run/stock"),
        Replica(service="stock", name="stock-1", port=3, region="north", version="v2", grpc="unix:/run/stock1"),
        Replica(service="post", name="post-0", port=4, region="north", rest="unix:/run/post"),
    ),
    stores=(Store(name="db", port=5, address="unix:/run/pg/.s.PGSQL.5432"),),
)
PROXY = Proxy(
    name="all",
    folder="/run/envoy",
    admin="/run/admin",
    gateway=Gateway(port=8080, region="north"),
    replicas=frozenset(one.name for one in PLACES.replicas),
    stores=frozenset({"db"}),
)
FILES = resources(TRAFFIC, PLACES, PROXY)


def one(file: str, name: str, files: dict[str, list[Any]] = FILES) -> Any:  # noqa: ANN401 - JSON
    """Find a resource by its name."""
    [found] = [resource for resource in files[file] if resource["name"] == name]
    return found


def found_all(node: Any, key: str) -> list[Any]:  # noqa: ANN401 - JSON
    """Give every value under a key, however deep."""
    if isinstance(node, list):
        return [value for part in node for value in found_all(part, key)]
    if not isinstance(node, dict):
        return []
    here = [node[key]] if key in node else []
    return here + [value for part in node.values() for value in found_all(part, key)]


def test_nothing_but_gateway_and_mutual_tls_listens_on_tcp_and_only_on_loopback() -> None:
    """Each TCP listener but the gateway demands a certificate."""
    for listener in FILES["lds.json"]:
        if "socket_address" not in listener["address"]:
            assert listener["address"]["pipe"]["mode"] == 0o600
            continue
        assert listener["address"]["socket_address"]["address"] == "127.0.0.1"
        demanded = found_all(listener, "require_client_certificate")
        assert demanded == ([] if listener["name"] == "gateway" else [True])


def test_only_declared_callers_are_in_the_access_list_and_the_gateway_where_it_is_public() -> None:
    """A service that nobody may call lets nobody in."""
    allowed = {
        name: [who["exact"] for who in found_all(one("lds.json", name), "principal_name")]
        for name in ("shop-0", "stock-0", "post-0", "store-db")
    }
    prefix = "spiffe://cluster.local/ns/demo/sa/"
    assert allowed == {
        "shop-0": [f"{prefix}gateway"],
        "stock-0": [f"{prefix}shop"],
        "post-0": [],
        "store-db": [f"{prefix}shop"],
    }
    assert found_all(one("lds.json", "post-0"), "action") == ["ALLOW"]


def test_a_call_has_the_time_limits_and_tries_that_were_decided() -> None:
    """And a call without retries is made once."""
    [route] = found_all(one("lds.json", "shop-0.to.stock"), "route")
    assert (route["timeout"], route["retry_policy"]["num_retries"]) == ("0.6s", 2)
    assert route["retry_policy"]["per_try_timeout"] == "0.3s"
    assert route["retry_policy"]["retry_on"] == "connect-failure,unavailable"
    [single] = found_all(one("lds.json", "shop-0.to.post"), "route")
    assert "retry_policy" not in single
    cluster = one("cds.json", "shop-0.to.stock")
    [limits] = cluster["circuit_breakers"]["thresholds"]
    assert (limits["max_requests"], limits["max_retries"]) == (7, 7)
    assert cluster["outlier_detection"]["consecutive_5xx"] == 3
    assert cluster["outlier_detection"]["base_ejection_time"] == "30s"
    assert cluster["common_lb_config"]["healthy_panic_threshold"]["value"] == 0
    assert "outlier_detection" not in one("cds.json", "shop-0.to.post")


def test_the_gateway_makes_no_request_a_second_time() -> None:
    """Retries are the mesh's, where the call's effect is known."""
    assert found_all(FILES["rds-gateway.json"], "retry_policy") == []


def test_the_callees_declared_identity_is_the_only_one_that_is_accepted() -> None:
    """Whatever listens on the port must be the callee."""
    matcher = found_all(one("cds.json", "shop-0.to.stock"), "matcher")
    assert matcher == [{"exact": "spiffe://cluster.local/ns/other/sa/stock"}]


def test_replicas_of_the_callers_region_come_first() -> None:
    """Others are reached only when these are gone, in the order that was decided; a region without any is no choice."""
    assert choices(FILES) == {0: [3], 1: [2]}
    more = Replica(service="stock", name="stock-2", port=6, region="west", grpc="unix:/run/stock2")
    places = msgspec.structs.replace(PLACES, replicas=(*PLACES.replicas, more))
    assert choices(resources(TRAFFIC, places, PROXY)) == {0: [3], 1: [6], 2: [2]}
    alone = TRAFFIC | {"stock": msgspec.structs.replace(TRAFFIC["stock"], failover=())}
    assert choices(resources(alone, places, PROXY)) == {0: [3]}


def choices(files: dict[str, list[Any]]) -> dict[int, list[Any]]:
    """Give the ports of the callee by priority."""
    endpoints = one("cds.json", "shop-0.to.stock", files)["load_assignment"]["endpoints"]
    return {group["priority"]: found_all(group, "port_value") for group in endpoints}


def test_weights_split_a_service_by_its_versions() -> None:
    """Each version has a cluster of its own, for every caller."""
    files = resources(TRAFFIC, msgspec.structs.replace(PLACES, weights={"stock": {"v1": 90, "v2": 10}}), PROXY)
    [split] = found_all(files["rds-shop-0.to.stock.json"], "weighted_clusters")
    assert split["clusters"] == [
        {"name": "shop-0.to.stock.v1", "weight": 90},
        {"name": "shop-0.to.stock.v2", "weight": 10},
    ]
    for version, port in (("v1", 2), ("v2", 3)):
        members = one("cds.json", f"shop-0.to.stock.{version}", files)["load_assignment"]
        assert found_all(members, "port_value") == [port]
    assert "rds-shop-0.to.stock.json" not in FILES


def test_audiences_of_one_issuer_are_joined_and_the_local_issuer_stands_in_its_place() -> None:
    """The declared issuer is elsewhere; here the local one signs in its name."""
    [tokens] = FILES["ecds-tokens.json"]
    [provider] = tokens["typed_config"]["providers"].values()
    assert provider["audiences"] == ["a", "b"]
    assert provider["issuer"] == "http://127.0.0.1:8080/-/idp"
    assert provider["forward"] is True


def test_anonymous_routes_are_matched_part_by_part() -> None:
    """One star never reaches across a slash."""
    [tokens] = FILES["ecds-tokens.json"]
    patterns = found_all(tokens["typed_config"]["rules"], "regex")
    assert patterns == ["/shop/books/[^/]+/pages", "/shop/feeds/.*", "/shop/?"]


@pytest.mark.parametrize("known", [{}, {"https://id.example.com": KeySet(issuer="x", keys='{"keys":[]}')}])
def test_without_keys_of_any_issuer_only_anonymous_routes_are_open(known: dict[str, KeySet]) -> None:
    """Nobody's token can be checked, so that none opens anything."""
    files = resources(TRAFFIC, msgspec.structs.replace(PLACES, issuers=known), PROXY)
    twice, *routes, last = files["rds-gateway.json"][0]["virtual_hosts"][0]["routes"]
    assert (twice["direct_response"]["status"], last["direct_response"]["status"]) == (400, 404)
    assert [("safe_regex" in route["match"], "direct_response" in route) for route in routes] == [
        (True, False),
        (True, False),
        (True, False),
        (False, True),
    ]
    assert routes[-1]["direct_response"]["status"] == 401


def test_what_no_rule_names_needs_a_token() -> None:
    """Should a route ever be there without its rule, it is closed."""
    [tokens] = FILES["ecds-tokens.json"]
    last = tokens["typed_config"]["rules"][-1]
    assert last["match"] == {"prefix": "/"}
    assert last["requires"]["provider_name"] in tokens["typed_config"]["providers"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1s"), (0.025, "0.025s"), (30.0, "30s"), (1e-5, "0.00001s"), (0, "0s")]
)
def test_durations_are_written_without_exponents(seconds: float, text: str) -> None:
    """Protobuf's JSON knows none."""
    assert duration(seconds) == text


def test_every_file_that_is_named_is_written_and_every_one_written_is_named() -> None:
    """Envoy would wait for a missing one, and never look at a forgotten one."""
    accounts = identities(Picture(traffic=TRAFFIC, places=PLACES, proxy=PROXY))
    files = {**FILES, **secret_files(dict.fromkeys(accounts, ("chain", "key")), "bundle")}
    text = json.dumps([bootstrap(PLACES, PROXY), files])
    named = {path.rpartition("/")[2] for path in found_all(json.loads(text), "path") if isinstance(path, str)}
    assert {name for name in named if name.endswith(".json")} == set(files)


def test_in_one_piece_nothing_leads_to_another_file() -> None:
    """A trial reads one file."""
    accounts = identities(Picture(traffic=TRAFFIC, places=PLACES, proxy=PROXY))
    files = {**FILES, **secret_files(dict.fromkeys(accounts, ("chain", "key")), "bundle")}
    whole = in_one_piece(bootstrap(PLACES, PROXY), files)
    assert found_all(whole, "path_config_source") == []
    assert "dynamic_resources" not in whole


def test_traces_are_sent_only_where_somebody_takes_them() -> None:
    """Each export without a receiver is an error in the log."""
    assert found_all(FILES, "tracing") == []
    files = resources(
        TRAFFIC, msgspec.structs.replace(PLACES, traces=Traces(address="unix:/run/otlp", share=0.5)), PROXY
    )
    assert {one["random_sampling"]["value"] for one in found_all(files, "tracing")} == {50}
    assert one("cds.json", "traces", files)
