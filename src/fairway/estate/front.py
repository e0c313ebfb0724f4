"""The ways in from outside, and which of them something guards: tokens checked, requests counted.

A way in is a public Service, an Ingress, a route of a Gateway, a Mapping. What guards it may be written at the way
itself, at its Gateway, at the Service behind it, or at the workload's own proxy; each product has its own words.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, Literal

import msgspec

from fairway.core.labels import ANONYMOUS
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.routes import backends
from fairway.estate.selectors import Selector, label_selector
from fairway.estate.workload import Workload

Guard = Literal["tokens", "limits"]

PRODUCTS: Final = frozenset(
    "ambassador apisix contour emissary envoy gateway gloo haproxy "  # noqa: SIM905 - words read better without quotes
    "ingress ingressgateway istiod kgateway kong krakend loadbalancer nginx proxyv2 skipper traefik tyk".split()
)
"""Words of images and names of what stands in front, and is not an application."""
NGINX: Final = "nginx"
KONG_PLUGINS: Final = "konghq.com/plugins"
PLUGINS: Final[dict[Guard, frozenset[str]]] = {
    "tokens": frozenset(
        "jwt jwt-signer openid-connect oauth2 oauth2-introspection key-auth basic-auth hmac-auth mtls-auth "  # noqa: SIM905 - likewise
        "ldap-auth session forward-auth opa jwt-keycloak oidc key-auth-enc saml".split()
    ),
    "limits": frozenset(
        "rate-limiting rate-limiting-advanced response-ratelimiting graphql-rate-limiting-advanced "  # noqa: SIM905 - likewise
        "service-protection ai-rate-limiting-advanced".split()
    ),
}
ANNOTATIONS: Final[dict[Guard, re.Pattern[str]]] = {
    "tokens": re.compile(
        r"nginx[./].*/(auth-url|auth-signin|auth-type|enable-global-auth|auth-tls-secret|jwt-.*|policies)$"
        r"|alb\.ingress\.kubernetes\.io/auth-(type|idp-.*)$|haproxy.*/(auth-type|auth-url|oauth.*)$"
        r"|nginx\.org/(policies|jwt-.*)$|nginx\.com/jwt-.*$|traefik.*auth.*$|ingress\.appscode\.com/auth-.*$"
    ),
    "limits": re.compile(
        r"nginx[./].*/(limit-(rps|rpm|connections|rate|req.*)|global-rate-limit)$|nginx\.org/(limit-req-.*|policies)$"
        r"|alb\.ingress\.kubernetes\.io/(wafv2-acl-arn|waf-acl-id)$|haproxy.*/(rate-limit-.*|limit-rps)$"
    ),
}
MIDDLEWARES: Final[dict[Guard, tuple[str, ...]]] = {
    "tokens": ("forwardAuth", "basicAuth", "digestAuth", "plugin"),
    "limits": ("rateLimit", "inFlightReq", "plugin"),
}
POLICIES: Final[dict[Guard, tuple[tuple[str, str, tuple[str, ...]], ...]]] = {  # attached by targetRefs: what they say
    "tokens": (
        ("gateway.envoyproxy.io", "SecurityPolicy", ("jwt", "oidc", "extAuth", "basicAuth", "apiKeyAuth")),
        ("gateway.kgateway.dev", "TrafficPolicy", ("jwt", "extAuth", "oauth2")),
        ("networking.gke.io", "GCPBackendPolicy", ("default",)),
        ("kuadrant.io", "AuthPolicy", ()),
    ),
    "limits": (
        ("gateway.envoyproxy.io", "BackendTrafficPolicy", ("rateLimit",)),
        ("gateway.kgateway.dev", "TrafficPolicy", ("rateLimit",)),
        ("networking.gke.io", "GCPBackendPolicy", ("default",)),
        ("kuadrant.io", "RateLimitPolicy", ()),
    ),
}
ROOT: Final = "istio-system"
INNER: Final = frozenset({"internal", "private", "intern"})
_WORD = re.compile(r"[a-z0-9]+")


class Way(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A way in: what opens it, the Gateways it goes through, and what is behind it."""

    resource: Resource
    node: Node
    key: str
    gateways: tuple[Resource, ...]
    services: tuple[Resource, ...]
    workloads: tuple[Workload, ...]

    @property
    def straight(self) -> bool:
        """Tell whether it is a Service that is public by itself."""
        return self.resource.kind == "Service"

    @property
    def anonymous(self) -> bool:
        """Tell whether it is open on purpose, and somebody wrote down why."""
        return bool(self.resource.annotations.get(ANONYMOUS, "").strip())


def is_front(workload: Workload) -> bool:
    """Tell whether a workload is a gateway itself, by its image or its labels."""
    words = {word for container in workload.containers for word in container.image_words}
    named = {word for value in workload.pod_labels.values() for word in _WORD.findall(value.lower())}
    return not PRODUCTS.isdisjoint(words) or not (PRODUCTS - {"gateway", "envoy", "nginx"}).isdisjoint(named)


class Front:
    """All ways into an estate, and their guards. Worked out once, in linear time."""

    def __init__(self, estate: Estate) -> None:
        """Take the estate."""
        self._estate = estate

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """Give every way in that leads to an application."""
        return tuple(self._straight()) + tuple(self._routes())

    def _straight(self) -> Iterator[Way]:
        for one in self._estate.services:
            workloads = tuple(w for w in self._estate.workloads_of(one) if not is_front(w))
            if one.public and workloads and len(workloads) == len(self._estate.workloads_of(one)):
                spec = one.resource.spec
                key = "type" if spec.text("type") in {"NodePort", "LoadBalancer"} else "externalIPs"
                yield Way(
                    resource=one.resource,
                    node=spec,
                    key=key,
                    gateways=(),
                    services=(one.resource,),
                    workloads=workloads,
                )

    def _routes(self) -> Iterator[Way]:
        by_resource = {one.resource: one for one in self._estate.services}
        for resource in self._estate.resources:
            reached = [
                found
                for namespace, name in dict.fromkeys(backends(resource))
                for found in self._estate.find("Service", namespace, name, resource)
            ]
            behind = [w for one in reached for w in self._estate.workloads_of(by_resource[one]) if not is_front(w)]
            if reached and behind and not _inside(resource):
                yield Way(
                    resource=resource,
                    node=resource.root,
                    key="spec",
                    gateways=tuple(self._gateways(resource)),
                    services=tuple(reached),
                    workloads=tuple(dict.fromkeys(behind)),
                )

    def _gateways(self, resource: Resource) -> Iterator[Resource]:
        """Find the Gateways of a route that are in view."""
        if resource.kind == "VirtualService":
            for name in resource.spec.texts("gateways"):
                namespace, _, short = name.rpartition("/")
                found = self._estate.find("Gateway", namespace or resource.namespace, short, resource)
                yield from (one for one in found if one.group == "networking.istio.io")
            return
        for parent in resource.spec.items("parentRefs"):
            if parent.text("kind", "Gateway") == "Gateway":
                namespace = parent.text("namespace", resource.namespace)
                found = self._estate.find("Gateway", namespace, parent.text("name"), resource)
                yield from (one for one in found if one.group == "gateway.networking.k8s.io")

    def open_to(self, guard: Guard) -> Iterator[tuple[Resource, str, tuple[Way, ...]]]:
        """Give what lets requests through unguarded: the object and key to mend, and the ways that it stands for.

        A Gateway stands for its routes where none of them is guarded. A Service that leads past guards that are there
        is another fault, and not told here.
        """
        guarded = {way for way in self.ways if self.guarded(way, guard)}
        spared = {way for way in self.ways if way.anonymous} if guard == "tokens" else set()
        through: dict[Resource, list[Way]] = {}
        for way in self.ways:
            for gateway in way.gateways:
                through.setdefault(gateway, []).append(way)
        mixed = {gateway for gateway, ways in through.items() if not guarded.isdisjoint(ways)}
        told: set[Resource] = set()
        for way in self.ways:
            if way in guarded or way in spared or (way.straight and guarded):
                continue
            whole = next((gateway for gateway in way.gateways if gateway not in mixed), None)
            if whole is None:
                yield way.resource, way.key, (way,)
            elif whole not in told:
                told.add(whole)
                yield whole, "spec", tuple(one for one in through[whole] if one not in spared)

    def guarded(self, way: Way, guard: Guard) -> bool:
        """Tell whether every request by this way is checked (tokens), or counted (limits)."""
        if way.resource in self._by_service_of_ambassador(guard):
            return True
        if any(self._annotated(one, guard) for one in (way.resource, *way.gateways, *way.services)):
            return True
        if self._filtered(way.resource, guard) or any(one in self._attached[guard] for one in self._targets(way)):
            return True
        covered = self._covered[guard]
        return bool(way.workloads) and all(workload in covered for workload in way.workloads)

    @staticmethod
    def _targets(way: Way) -> Iterator[tuple[str, str, str]]:
        for one in (way.resource, *way.gateways, *way.services):
            yield one.kind, one.namespace, one.name

    # Kong, NGINX, AWS: annotations

    @cached_property
    def _plugins(self) -> Mapping[tuple[str, str], str]:
        """Name what each plugin of Kong does, by namespace (empty for the cluster's) and name."""
        found = {(p.namespace, p.name): p.root.text("plugin") for p in self._estate.of_kind("KongPlugin")}
        return found | {("", p.name): p.root.text("plugin") for p in self._estate.of_kind("KongClusterPlugin")}

    @cached_property
    def _everywhere(self) -> frozenset[str]:
        """Name the plugins that Kong runs on every request."""
        plugins = self._estate.of_kind("KongClusterPlugin")
        return frozenset(p.root.text("plugin") for p in plugins if p.labels.get("global") == "true")

    def _annotated(self, resource: Resource, guard: Guard) -> bool:
        wanted = PLUGINS[guard]
        if not wanted.isdisjoint(self._everywhere) and self._estate.of_kind("KongClusterPlugin"):
            return True
        for key, value in resource.annotations.items():
            if key == KONG_PLUGINS:
                names = [name.strip() for name in value.split(",")]
                if any(self._does(resource, name) in wanted for name in names):
                    return True
            elif ANNOTATIONS[guard].search(key) and value:
                return True
            elif key == "traefik.ingress.kubernetes.io/router.middlewares":
                refs = (one.strip().partition("@")[0] for one in value.split(","))
                if any(self._middleware(ref, guard) for ref in refs):
                    return True
        return False

    def _does(self, resource: Resource, name: str) -> str:
        namespace, _, short = name.rpartition(":")
        return self._plugins.get((namespace or resource.namespace, short)) or self._plugins.get(("", short), "")

    @cached_property
    def _middlewares(self) -> Mapping[str, Resource]:
        return {f"{m.namespace}-{m.name}": m for m in self._estate.of_kind("Middleware")}

    def _middleware(self, reference: str, guard: Guard) -> bool:
        found = self._middlewares.get(reference)
        return found is not None and any(found.spec.has(key) for key in MIDDLEWARES[guard])

    # Gateway API and Traefik: filters and policies that name what they are for

    def _filtered(self, resource: Resource, guard: Guard) -> bool:
        """Tell whether every rule of a route goes through a filter of the kind."""
        rules = [*resource.spec.items("rules"), *resource.spec.items("routes")]
        if resource.kind == "HTTPProxy":
            host = resource.spec.mapping("virtualhost")
            key = "rateLimitPolicy" if guard == "limits" else "authorization"
            return host.has(key) or host.has("jwtProviders") or (bool(rules) and all(r.has(key) for r in rules))
        return bool(rules) and all(self._rule_filtered(resource, rule, guard) for rule in rules)

    def _rule_filtered(self, resource: Resource, rule: Node, guard: Guard) -> bool:
        for one in rule.items("filters"):
            reference = one.mapping("extensionRef")
            kind, name = reference.text("kind"), reference.text("name")
            if kind == "KongPlugin" and self._does(resource, name) in PLUGINS[guard]:
                return True
            if kind == "Middleware" and self._middleware(f"{resource.namespace}-{name}", guard):
                return True
        middlewares = rule.items("middlewares")
        return any(
            self._middleware(f"{m.text('namespace', resource.namespace)}-{m.text('name')}", guard) for m in middlewares
        )

    @cached_property
    def _attached(self) -> Mapping[Guard, frozenset[tuple[str, str, str]]]:
        """Name what policies are attached to: kind, namespace and name."""
        found: dict[Guard, set[tuple[str, str, str]]] = {"tokens": set(), "limits": set()}
        for guard, kinds in POLICIES.items():
            for group, kind, keys in kinds:
                for policy in self._estate.of_kind(kind, group):
                    if not keys or any(policy.spec.has(key) for key in keys):
                        found[guard] |= set(_named(policy))
        for policy in self._demanding:
            found["tokens"] |= set(_named(policy))
        return {guard: frozenset(names) for guard, names in found.items()}

    # Istio: policies of workloads' own proxies

    @cached_property
    def _demanding(self) -> tuple[Resource, ...]:
        """Give the policies of Istio that let nobody through without a valid token, or ask somebody else."""
        return tuple(p for p in self._estate.of_kind("AuthorizationPolicy", "security.istio.io") if _demands(p))

    @cached_property
    def _covered(self) -> Mapping[Guard, frozenset[Workload]]:
        checked = [(p, label_selector(p.spec, "selector")) for p in self._demanding if not set(_named(p))]
        filters = (f for f in self._estate.of_kind("EnvoyFilter", "networking.istio.io") if _counts(f))
        counted = [(f, _labels(f.spec.mapping("workloadSelector"))) for f in filters]
        return {"tokens": frozenset(self._chosen(checked)), "limits": frozenset(self._chosen(counted))}

    def _chosen(self, policies: list[tuple[Resource, Selector | None]]) -> Iterator[Workload]:
        # Most policies pick one workload; there are few that pick all.
        by_namespace: dict[str, list[Workload]] = {}
        for workload in self._estate.workloads:
            by_namespace.setdefault(workload.namespace, []).append(workload)
        for policy, selector in policies:
            if selector is not None and selector.labels:
                yield from self._estate.selected(policy, selector)
            else:
                everywhere = policy.namespace == ROOT
                yield from self._estate.workloads if everywhere else by_namespace.get(policy.namespace, ())

    # Ambassador: services that it asks about every request

    def _by_service_of_ambassador(self, guard: Guard) -> frozenset[Resource]:
        return self._ambassador[guard]

    @cached_property
    def _ambassador(self) -> Mapping[Guard, frozenset[Resource]]:
        mappings = self._estate.of_kind("Mapping", "getambassador.io")
        edge = self._estate.of_kind("FilterPolicy", "getambassador.io")
        asks = bool(self._estate.of_kind("AuthService", "getambassador.io") or edge)
        counts = bool(self._estate.of_kind("RateLimitService", "getambassador.io"))
        counts = counts or bool(self._estate.of_kind("RateLimit", "getambassador.io"))
        return {
            "tokens": frozenset(m for m in mappings if asks and not m.spec.flag("bypass_auth")),
            "limits": frozenset(m for m in mappings if counts and m.spec.has("labels")),
        }


def _inside(resource: Resource) -> bool:
    """Tell whether a route is for callers of the same network only, as far as its class says so."""
    kinds = [resource.spec.text("ingressClassName"), resource.annotations.get("kubernetes.io/ingress.class", "")]
    kinds.append(resource.annotations.get("alb.ingress.kubernetes.io/scheme", ""))
    return any(not INNER.isdisjoint(_WORD.findall(kind.lower())) for kind in kinds)


def _named(policy: Resource) -> Iterator[tuple[str, str, str]]:
    for node in (policy.spec.mapping("targetRef"), *policy.spec.items("targetRefs")):
        if name := node.text("name"):
            yield node.text("kind"), policy.namespace, name


def _demands(policy: Resource) -> bool:
    """Tell whether a policy of Istio turns away who has no valid token."""
    action, rules = policy.spec.text("action", "ALLOW"), list(policy.spec.items("rules"))
    if action == "CUSTOM":
        return True
    sources = [source.mapping("source") for rule in rules for source in rule.items("from")]
    claims = [node for rule in rules for node in rule.items("when") if node.text("key").startswith("request.auth.")]
    if action == "DENY":
        return any(source.texts("notRequestPrincipals") for source in sources) or any(
            node.texts("notValues") for node in claims
        )
    return bool(rules) and all(_asks_for_token(rule) for rule in rules)


def _asks_for_token(rule: Node) -> bool:
    """Tell whether a rule that allows something names a caller by token, or is of another part of the system."""
    sources = [source.mapping("source") for source in rule.items("from")]
    claims = any(n.text("key").startswith("request.auth.") and n.texts("values") for n in rule.items("when"))
    return claims or any(source.texts("requestPrincipals") for source in sources)


def _counts(resource: Resource) -> bool:
    """Tell whether a filter of Envoy limits rates."""
    patches = (node.mapping("patch").mapping("value") for node in resource.spec.items("configPatches"))
    return any("ratelimit" in node.text("name") or "rate_limit" in node.text("name") for node in patches)


def _labels(node: Node) -> Selector | None:
    labels: Iterable[tuple[str, str]] = node.pairs("labels").items()
    return Selector(tuple(labels)) if node.has("labels") else None
