"""The gateway's checks: ways in that nothing guards, in the words of many products, each cause once."""

from pathlib import Path
from types import ModuleType

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s05_gateway import federated_identity, jwt, public_through_gateway, rate_limit, tenant_routing

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "acme/web:1", ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {TYPE selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations: {ANNOTATIONS}
spec:
  ingressClassName: CLASS
  rules: [{host: shop.example, http: {paths: [{path: /, pathType: Prefix, backend: BACKEND}]}}]
""".replace("BACKEND", "{service: {name: web, port: {number: 80}}}")
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: NAME, namespace: shop}
spec:
  parentRefs: [{name: front}]
  rules:
  - backendRefs: [{name: web, port: 80}]
    FILTERS
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front, namespace: shop}
spec: {gatewayClassName: envoy, listeners: [{name: https, port: 443, protocol: HTTPS}]}
"""
PLUGIN = """\
apiVersion: configuration.konghq.com/v1
kind: KongPlugin
metadata: {name: tokens, namespace: shop}
plugin: KIND
"""
MAPPING = """\
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: web, namespace: shop}
spec: {hostname: "*", prefix: /, service: "web:80", MORE}
"""


def app(kind: str = "") -> str:
    """Write an application and its Service."""
    return APP.replace("TYPE", f"type: {kind}," if kind else "")


def ingress(annotations: str = "", name: str = "nginx") -> str:
    """Write an Ingress of a class."""
    return INGRESS.replace("ANNOTATIONS", annotations).replace("CLASS", name)


def route(filters: str = "", name: str = "web") -> str:
    """Write a route of the Gateway API."""
    return ROUTE.replace("FILTERS", f"filters: [{filters}]" if filters else "").replace("NAME", name)


def of(kind: str, api: str, spec: str, name: str = "one", namespace: str = "shop") -> str:
    """Write an object with a spec."""
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"


def findings(rule: ModuleType, folder: Path, *documents: str) -> list[Finding]:
    """Check a rule on documents of one file."""
    (folder / "all.yaml").write_text("---\n".join(documents))
    return list(rule.check(read([folder])))


def places(found: list[Finding]) -> list[str]:
    """Tell where each finding is."""
    return [f"{one.resource} {one.key}" for one in found]


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
def test_a_service_that_is_public_by_itself_is_found_by_each_rule_of_the_front(tmp_path: Path, kind: str) -> None:
    """With no gateway at all, tokens and limits are missing as well."""
    for rule in (public_through_gateway, jwt, rate_limit):
        assert places(findings(rule, tmp_path, app(kind))) == ["Service/shop/web spec.type"]


def test_a_service_beside_a_guarded_gateway_is_one_fault(tmp_path: Path) -> None:
    """What is missing there is the way through the gateway, and nothing else."""
    documents = (app("NodePort"), ingress('nginx.ingress.kubernetes.io/auth-url: "https://id"'))
    assert places(findings(public_through_gateway, tmp_path, *documents)) == ["Service/shop/web spec.type"]
    assert findings(jwt, tmp_path, *documents) == []


def test_a_gateways_own_service_is_no_fault(tmp_path: Path) -> None:
    """It has to be public: that is what it is for."""
    text = app("LoadBalancer").replace("acme/web:1", "traefik:v3.5")
    for rule in (public_through_gateway, jwt, rate_limit):
        assert findings(rule, tmp_path, text) == []


def test_an_internal_service_or_way_is_no_fault(tmp_path: Path) -> None:
    """Nobody outside reaches it."""
    for documents in ((app(),), (app(), ingress(name="nginx-internal"))):
        assert findings(jwt, tmp_path, *documents) == []


TOKENS = {
    "nginx": (ingress('nginx.ingress.kubernetes.io/auth-url: "https://id"'),),
    "alb": (ingress("alb.ingress.kubernetes.io/auth-type: oidc", "alb"),),
    "kong ingress": (ingress("konghq.com/plugins: tokens", "kong"), PLUGIN.replace("KIND", "jwt")),
    "kong filter": (
        route("{type: ExtensionRef, extensionRef: {group: configuration.konghq.com, kind: KongPlugin, name: tokens}}"),
        PLUGIN.replace("KIND", "openid-connect"),
    ),
    "traefik": (
        of("IngressRoute", "traefik.io/v1alpha1", "{routes: [{services: [{name: web}], middlewares: [{name: one}]}]}"),
        of("Middleware", "traefik.io/v1alpha1", "{forwardAuth: {address: 'http://id'}}"),
    ),
    "envoy gateway": (
        route(),
        of(
            "SecurityPolicy",
            "gateway.envoyproxy.io/v1alpha1",
            "{targetRefs: [{kind: HTTPRoute, name: web}], jwt: {providers: [{name: a, issuer: 'https://id'}]}}",
        ),
    ),
    "at its gateway": (
        GATEWAY,
        route(),
        of(
            "SecurityPolicy",
            "gateway.envoyproxy.io/v1alpha1",
            "{targetRef: {kind: Gateway, name: front}, oidc: {provider: {issuer: 'https://id'}}}",
        ),
    ),
    "istio": (
        ingress(),
        of(
            "AuthorizationPolicy",
            "security.istio.io/v1",
            "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {requestPrincipals: ['*']}}]}]}",
        ),
    ),
    "istio deny": (
        ingress(),
        of(
            "AuthorizationPolicy",
            "security.istio.io/v1",
            "{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}]}]}",
        ),
    ),
    "ambassador": (
        MAPPING.replace("MORE", ""),
        of("AuthService", "getambassador.io/v3alpha1", "{auth_service: 'id:80'}"),
    ),
}


@pytest.mark.parametrize("documents", TOKENS.values(), ids=TOKENS)
def test_tokens_may_be_asked_for_by_any_product(tmp_path: Path, documents: tuple[str, ...]) -> None:
    """At the route, its Gateway, its Service or the workload's proxy."""
    assert findings(jwt, tmp_path, app(), *documents) == []


OPEN = {
    "nothing": ((ingress(),), "Ingress/shop/web spec"),
    "a plugin that is not there": ((ingress("konghq.com/plugins: tokens", "kong"),), "Ingress/shop/web spec"),
    "another plugin": (
        (ingress("konghq.com/plugins: tokens", "kong"), PLUGIN.replace("KIND", "cors")),
        "Ingress/shop/web spec",
    ),
    "tokens that may be left out": (
        (
            ingress(),
            of(
                "RequestAuthentication",
                "security.istio.io/v1",
                "{selector: {matchLabels: {app: web}}, jwtRules: [{issuer: 'https://id'}]}",
            ),
        ),
        "Ingress/shop/web spec",
    ),
    "callers by certificate": (
        (
            ingress(),
            of("AuthorizationPolicy", "security.istio.io/v1", "{rules: [{from: [{source: {principals: ['*']}}]}]}"),
        ),
        "Ingress/shop/web spec",
    ),
    "an exception": (
        (
            MAPPING.replace("MORE", "bypass_auth: true"),
            of("AuthService", "getambassador.io/v3alpha1", "{auth_service: 'id:80'}"),
        ),
        "Mapping/shop/web spec",
    ),
    "a whole gateway": ((GATEWAY, route(), route(name="other")), "Gateway/shop/front spec"),
}


@pytest.mark.parametrize(("documents", "place"), OPEN.values(), ids=OPEN)
def test_a_way_in_without_tokens_is_found_once(tmp_path: Path, documents: tuple[str, ...], place: str) -> None:
    """A Gateway stands for all its routes, where none of them asks."""
    assert places(findings(jwt, tmp_path, app(), *documents)) == [place]


def test_one_route_of_a_guarded_gateway_is_named_itself(tmp_path: Path) -> None:
    """The others ask for tokens, so the Gateway is not at fault."""
    guarded = route("{type: ExtensionRef, extensionRef: {kind: KongPlugin, name: tokens}}", "guarded")
    found = findings(jwt, tmp_path, app(), GATEWAY, guarded, route(), PLUGIN.replace("KIND", "jwt"))
    assert places(found) == ["HTTPRoute/shop/web spec"]


def test_a_reason_for_anybody_to_come_in_is_taken(tmp_path: Path) -> None:
    """As words, and not empty; it is no reason to count nothing."""
    why = ingress("fairway.dev/anonymous-because: The catalogue is public")
    assert findings(jwt, tmp_path, app(), why) == []
    assert len(findings(jwt, tmp_path, app(), ingress('fairway.dev/anonymous-because: " "'))) == 1
    assert len(findings(rate_limit, tmp_path, app(), why)) == 1


LIMITS = {
    "nginx": (ingress('nginx.ingress.kubernetes.io/limit-rps: "5"'),),
    "waf": (ingress("alb.ingress.kubernetes.io/wafv2-acl-arn: arn", "alb"),),
    "kong": (ingress("konghq.com/plugins: tokens", "kong"), PLUGIN.replace("KIND", "rate-limiting")),
    "envoy gateway": (
        route(),
        of(
            "BackendTrafficPolicy",
            "gateway.envoyproxy.io/v1alpha1",
            "{targetRefs: [{kind: HTTPRoute, name: web}], rateLimit: {type: Global}}",
        ),
    ),
    "istio": (
        ingress(),
        of(
            "EnvoyFilter",
            "networking.istio.io/v1alpha3",
            "{workloadSelector: {labels: {app: web}}, configPatches: "
            "[{patch: {value: {name: envoy.filters.http.local_ratelimit}}}]}",
        ),
    ),
    "ambassador": (
        MAPPING.replace("MORE", "labels: {ambassador: []}"),
        of("RateLimitService", "getambassador.io/v3alpha1", "{service: 'limits:80'}"),
    ),
}


@pytest.mark.parametrize("documents", LIMITS.values(), ids=LIMITS)
def test_requests_may_be_counted_by_any_product(tmp_path: Path, documents: tuple[str, ...]) -> None:
    """In its own words."""
    assert findings(rate_limit, tmp_path, app(), *documents) == []


def test_an_ingress_beside_the_gateway_is_found(tmp_path: Path) -> None:
    """Another controller knows nothing of the gateway's plugins; a class of Kong by another name does."""
    documents = (app(), PLUGIN.replace("KIND", "jwt"), ingress())
    assert places(findings(public_through_gateway, tmp_path, *documents)) == ["Ingress/shop/web spec.ingressClassName"]
    same = of("IngressClass", "networking.k8s.io/v1", "{controller: ingress-controllers.konghq.com/kong}", "nginx")
    assert findings(public_through_gateway, tmp_path, *documents, same) == []


def test_several_issuers_at_one_door_are_found_and_the_clusters_own_is_not_one(tmp_path: Path) -> None:
    """Programs show tokens of the cluster; they are nobody's people."""
    rules = "{jwtRules: [{issuer: 'https://a.example'}, {issuer: 'ISSUER'}]}"
    for issuer, count in (("https://b.example", 1), ("https://a.example", 0), ("https://kubernetes.default.svc", 0)):
        text = of("RequestAuthentication", "security.istio.io/v1", rules.replace("ISSUER", issuer))
        assert len(findings(federated_identity, tmp_path, text)) == count


def test_a_tenant_that_the_caller_names_is_found_unless_something_compares_it(tmp_path: Path) -> None:
    """A header of another meaning is let be."""
    by = route().replace("  - backendRefs", "  - matches: [{headers: [{name: HEADER, value: a}]}]\n    backendRefs")
    compared = of(
        "AuthorizationPolicy",
        "security.istio.io/v1",
        "{action: DENY, rules: [{when: [{key: 'request.headers[x-tenant]', values: [a]}, "
        "{key: 'request.auth.claims[tenant]', notValues: [VALUE]}]}]}",
    )
    found = findings(tenant_routing, tmp_path, app(), by.replace("HEADER", "X-Tenant-ID"))
    assert places(found) == ["HTTPRoute/shop/web spec.rules[0].matches[0].headers"]
    assert findings(tenant_routing, tmp_path, app(), by.replace("HEADER", "x-version")) == []
    right = (app(), by.replace("HEADER", "x-tenant"), compared.replace("VALUE", "a"))
    assert findings(tenant_routing, tmp_path, *right) == []
    wrong = findings(tenant_routing, tmp_path, app(), compared.replace("VALUE", "b"))
    assert places(wrong) == ["AuthorizationPolicy/shop/one spec.rules[0].when[1].notValues"]
