"""What stands in front is built for every choice: sound objects, closed by default, and open where it is declared."""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

import yaml
from fairway import stages
from fairway.core.facts import System
from fairway.core.labels import ANONYMOUS
from fairway.core.profile import survey
from fairway.core.registry import rooms
from fairway.declaration.load import Loaded, load
from fairway.estate.schema import CustomSchemas, problems
from fairway.estate.semantics import faults
from fairway.stages.s05_gateway.decisions import certificates
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT.parent / "shared" / "schemas" / "crd-schemas-strict.json.gz"
SITE = "production/main"
CHOICES = list(product(("istio", "none"), ("kong", "ambassador"), ("gateway-api", "ingress")))
FACTS: dict[str, Any] = {
    "system": "shop",
    "environments": {"production": {"domain": "shop.example.com"}},
    "identity-providers": {"people": {"issuer": "https://id.example.com"}},
    "services": {
        "front": {"exposure": "external", "anonymous-routes": ["GET /books/*", "/search"], "calls": {"back": {}}},
        "feed": {"exposure": "external", "anonymous-routes": ["/**"]},
        "back": {},
    },
}


@cache
def hello() -> Loaded:
    """Load an example, to stand for where facts come from."""
    return load(ROOT / "examples" / "hello")


def built(facts: dict[str, Any], **platform: str) -> dict[str, dict[str, Any]]:
    """Build a system, and give its objects by path; a file that holds no object is left out."""
    system = msgspec.convert({**facts, "platform": {**facts.get("platform", {}), **platform}}, System)
    return objects(msgspec.structs.replace(hello(), system=system))


def objects(loaded: Loaded) -> dict[str, dict[str, Any]]:
    """Give the built objects by path."""
    files = render(Workspace(loaded, rooms(stages)))
    return {path: file.manifest.object for path, file in files.items() if file.manifest is not None}


def chosen(mesh: str, gateway: str, routes: str) -> dict[str, str]:
    """Write one choice as facts."""
    return {"mesh": mesh, "gateway": gateway, "routes": routes}


@pytest.fixture(scope="module")
def schemas() -> CustomSchemas:
    """Load the schemas of custom resources."""
    if not BUNDLE.is_file():
        pytest.skip("NOT CHECKED: the bundle of custom schemas is not beside the project, so no object was tried")
    return CustomSchemas.load(BUNDLE)


PATHS = {**FACTS, "tenants": {"names": ["north", "south"], "by": "path"}}
PATHS["services"] = {**FACTS["services"], "front": {**FACTS["services"]["front"], "routed-by-tenant": True}}
JOINED = {**PATHS, "tenants": {"names": ["north"]}}
JOINED["identity-providers"] = {**FACTS["identity-providers"], "partners": {"issuer": "https://partners.example.org"}}
SYSTEMS = {"plain": FACTS, "tenants in paths": PATHS, "joined": JOINED, "nobody": {**FACTS, "identity-providers": {}}}


@pytest.mark.parametrize("facts", SYSTEMS.values(), ids=SYSTEMS)
@pytest.mark.parametrize("choice", CHOICES, ids="-".join)
def test_every_choice_gives_sound_objects(
    facts: dict[str, Any], choice: tuple[str, str, str], schemas: CustomSchemas
) -> None:
    """By the schemas of their kinds and by what schemas cannot say."""
    said = {
        f"{path} {fault.where}: {fault.says}"
        for path, made in built(facts, **chosen(*choice)).items()
        for fault in (*problems(made, custom=schemas).faults, *faults(made))
    }
    assert said == set()


@pytest.mark.parametrize("example", ["bookshop", "clinic"])
def test_the_examples_give_sound_objects(example: str, schemas: CustomSchemas) -> None:
    """Kinds that the bundle does not know are told apart: they are none of the gateway's."""
    made = objects(load(ROOT / "examples" / example))
    said = {
        f"{path} {fault.where}: {fault.says}"
        for path, one in made.items()
        if "istio.io" in one["apiVersion"] or "konghq" in one["apiVersion"] or "ambassador" in one["apiVersion"]
        for fault in problems(one, custom=schemas).faults
    }
    assert said == set()


@pytest.mark.parametrize("routes", ["gateway-api", "ingress"])
def test_what_kongs_routes_name_is_there(routes: str) -> None:
    """A plugin that is not there is left out without a word: the route would stand open."""
    made = built(FACTS, gateway="kong", routes=routes)
    kinds = {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in made.values()}
    ways = [one for one in made.values() if "konghq.com/plugins" in one["metadata"].get("annotations", {})]
    assert len(ways) == (3 if routes == "gateway-api" else 4)
    for way in ways:
        namespace = way["metadata"]["namespace"]
        for name in way["metadata"]["annotations"]["konghq.com/plugins"].split(","):
            assert ("KongPlugin", namespace, name) in kinds
    for consumer in (one for one in made.values() if one["kind"] == "KongConsumer"):
        for name in consumer["credentials"]:
            assert ("ExternalSecret", "shop", name) in kinds


def test_kongs_routes_are_closed_but_for_the_declared_ones() -> None:
    """Each open route says why; each closed one checks tokens before it counts."""
    made = built(FACTS, gateway="kong")
    closed, opened = made[f"{SITE}/services/front/httproute.yaml"], made[f"{SITE}/services/front/httproute-open.yaml"]
    assert closed["metadata"]["annotations"]["konghq.com/plugins"].startswith("front-door,front-tokens,front-limits,")
    assert ANONYMOUS not in closed["metadata"]["annotations"]
    assert opened["metadata"]["annotations"][ANONYMOUS]
    assert [match for rule in opened["spec"]["rules"] for match in rule["matches"]] == [
        {"path": {"type": "RegularExpression", "value": "/front/books/[^/]+$"}, "method": "GET"},
        {"path": {"type": "Exact", "value": "/front/search"}},
    ]
    assert "front-tokens" not in opened["metadata"]["annotations"]["konghq.com/plugins"]
    whole = made[f"{SITE}/services/feed/httproute.yaml"]
    assert whole["metadata"]["annotations"]["konghq.com/plugins"].startswith("feed-open-door,feed-open-limits")
    assert not [path for path in made if "/services/back/" in path and ("route" in path or "kong" in path)]


def test_kong_looks_for_tokens_in_one_place_and_counts_for_all_its_replicas() -> None:
    """A token in a query ends up in logs; a count of one replica is a third of the truth."""
    made = built(FACTS, gateway="kong")
    tokens = made[f"{SITE}/services/front/kongplugin-tokens.yaml"]["config"]
    assert (tokens["uri_param_names"], tokens["cookie_names"], tokens["claims_to_verify"]) == ([], [], ["exp"])
    limits = made[f"{SITE}/services/front/kongplugin-limits.yaml"]["config"]
    assert (limits["policy"], limits["limit_by"], limits["second"]) == ("redis", "header", 25)
    assert limits["minute"] == 5 * 60


def test_without_an_issuer_only_open_routes_are_there() -> None:
    """Nobody could show a token, so nothing that takes one is opened."""
    nobody = {**FACTS, "identity-providers": {}}
    made = built(nobody, gateway="kong")
    ways = {
        path.rpartition("services/")[2]
        for path, one in made.items()
        if one["kind"] == "HTTPRoute" and "services" in path
    }
    assert ways == {"front/httproute-open.yaml", "feed/httproute.yaml"}


def test_without_a_domain_there_is_no_gateway() -> None:
    """Its routes would stand nowhere."""
    made = built({**FACTS, "environments": {"production": {}}})
    assert not [path for path, one in made.items() if one["kind"] in {"Gateway", "HTTPRoute", "KongPlugin"}]


def test_a_service_whose_tenants_are_not_known_has_no_public_route() -> None:
    """Until they are declared."""
    front = {**FACTS["services"]["front"], "routed-by-tenant": True}
    made = built({**FACTS, "services": {**FACTS["services"], "front": front}}, gateway="kong")
    assert not [path for path, one in made.items() if "/front/" in path and one["kind"] == "HTTPRoute"]


def test_several_providers_are_joined_and_dex_alone_is_trusted() -> None:
    """It stands under the domain, and its secrets come from the manager."""
    made = built(JOINED, gateway="kong", mesh="istio")
    issuers = {
        one["issuer"]
        for path, obj in made.items()
        if obj["kind"] == "RequestAuthentication"
        for one in obj["spec"]["jwtRules"]
    }
    assert issuers == {"https://shop.example.com/-/dex"}
    assert [one["username"] for one in made.values() if one["kind"] == "KongConsumer"] == ["issuer-federation"]
    secret = made[f"{SITE}/platform/externalsecret-dex.yaml"]["spec"]
    configuration = yaml.safe_load(secret["target"]["template"]["data"]["config.yaml"])
    assert configuration["issuer"] == "https://shop.example.com/-/dex"
    assert [one["id"] for one in configuration["connectors"]] == ["people", "partners"]
    keys = {one["secretKey"] for one in secret["data"]}
    used = {one["config"][key] for one in configuration["connectors"] for key in ("clientID", "clientSecret")}
    assert used == {f"{{{{ .{key} }}}}" for key in keys}
    route = made[f"{SITE}/platform/httproute-dex.yaml"]
    assert route["spec"]["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/-/dex"}}]


def test_behind_the_gateway_the_mesh_asks_for_the_token_again() -> None:
    """On every path but the open ones, and there by every other method."""
    policy = built(FACTS, mesh="istio")[f"{SITE}/services/front/authorizationpolicy-tokens.yaml"]["spec"]
    assert policy["action"] == "DENY"
    [rule] = policy["rules"]
    assert rule["from"][0]["source"] == {
        "principals": ["cluster.local/ns/gateway/sa/kong"],
        "notRequestPrincipals": ["*"],
    }
    assert rule["to"] == [
        {"operation": {"notPaths": ["/books/{*}", "/search"]}},
        {"operation": {"paths": ["/books/{*}"], "notMethods": ["GET"]}},
    ]


@pytest.mark.parametrize(("gateway", "secure"), [("kong", "annotations"), ("ambassador", "mapping")])
def test_without_a_mesh_the_hop_to_the_service_is_encrypted(gateway: str, secure: str) -> None:
    """By the gateway's own certificate, which the service's proxy knows it by."""
    made = built(FACTS, mesh="none", gateway=gateway)
    if secure == "annotations":
        said = made[f"{SITE}/services/front/service.yaml"]["metadata"]["annotations"]
        assert (said["konghq.com/protocol"], said["konghq.com/client-cert"]) == ("https", "kong-tls")
        assert said["konghq.com/tls-verify"] == "true"
        assert made[f"{SITE}/platform/certificate-kong-tls.yaml"]["metadata"]["namespace"] == "shop"
        return
    mapping = made[f"{SITE}/services/front/mapping.yaml"]["spec"]
    assert mapping["service"] == "https://front.shop.svc.cluster.local:8080"
    own = made[f"{SITE}/platform/tlscontext-{mapping['tls']}.yaml"]["spec"]
    assert set(own.values()) == {"ambassador-tls", "v1.2"}


def test_what_is_built_holds_no_secret_and_nothing_to_fill_in() -> None:
    """Values come from the manager by name."""
    for choice in CHOICES:
        for path, made in built(JOINED, **chosen(*choice)).items():
            assert made["kind"] != "Secret", path
            text = msgspec.json.encode(made).decode()
            assert not [word for word in ("TODO", "CHANGEME", "changeme", "example-password") if word in text], path


@pytest.mark.parametrize("choice", CHOICES, ids="-".join)
def test_the_issuer_of_the_public_certificate_gets_its_answer(choice: tuple[str, str, str]) -> None:
    """Past default refusal, past the check of tokens, and before there is a certificate to redirect to."""
    made = built(FACTS, **chosen(*choice))
    gateway = choice[1]
    asked = made[f"{SITE}/platform/clusterissuer-fairway-public.yaml"]["spec"]["acme"]["solvers"]
    holders = [one["metadata"] for one in made.values() if one["kind"] == "Certificate" and "gateway-tls" in str(one)]
    assert {one["namespace"] for one in holders} == (
        {"gateway", "shop"} if choice[1:] == ("kong", "ingress") else {"gateway"}
    )
    for one in holders:
        assert one["annotations"]["cert-manager.io/issue-temporary-certificate"] == "true"
        name = "acme-challenge" if one["namespace"] == "gateway" else f"acme-challenge-{one['namespace']}"
        policy = made[f"{SITE}/platform/networkpolicy-{name}.yaml"]
        assert policy["metadata"]["namespace"] == one["namespace"]
        [let_in] = policy["spec"]["ingress"]
        assert let_in["from"][0]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": gateway}}
        own = made[f"{SITE}/platform/networkpolicy-{gateway}.yaml"]["spec"]["egress"]
        [led] = [rule for rule in own if rule["ports"] == let_in["ports"] == [{"protocol": "TCP", "port": 8089}]]
        assert policy["spec"]["podSelector"] in [peer["podSelector"] for peer in led["to"]]
    [solver] = asked
    assert solver["http01"]["ingress"]["ingressClassName"] == ("kong" if gateway == "kong" else "acme-challenge")
    if gateway == "ambassador":
        mapping = made[f"{SITE}/platform/mapping-acme-challenge.yaml"]["spec"]
        assert (mapping["prefix"], mapping["bypass_auth"]) == ("/.well-known/acme-challenge/", True)
        service = made[f"{SITE}/platform/service-acme-challenge.yaml"]["spec"]
        assert service["selector"] == {"acme.cert-manager.io/http01-solver": "true"}


@pytest.mark.parametrize(("cloud", "by"), [("aws", "dns01"), ("gcp", "dns01"), ("azure", "http01")])
def test_regions_that_share_a_domain_prove_it_where_a_question_over_http_cannot_go_astray(cloud: str, by: str) -> None:
    """A question to one region may come out at another; where no fact tells who serves the zone, it is owed."""
    regions = {name: {"cloud": cloud} for name in ("eu-west-1", "us-east-1")}
    facts = {**FACTS, "regions": regions}
    made = built(facts, gateway="kong")
    for region in regions:
        [solver] = made[f"production/{region}/platform/clusterissuer-fairway-public.yaml"]["spec"]["acme"]["solvers"]
        assert list(solver) == [by]
        if cloud == "aws":
            assert solver["dns01"] == {"route53": {"region": region}}
        assert (f"production/{region}/platform/networkpolicy-acme-challenge.yaml" in made) is (by == "http01")
    [decided] = certificates(survey(msgspec.convert(facts, System)))
    assert decided.state == ("decided" if by == "dns01" else "owed")
