"""What the mesh checks behind the gateway, once more: the token, whom it is meant for, and its tenant."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest
from fairway.core.cluster import GATEWAY, GATEWAYS, TRUST_DOMAIN
from fairway.core.labels import selector
from fairway.targets.kubernetes.public_route import Route
from fairway_sdk.contract import TENANT_HEADER

TENANT_CLAIM: Final = "tenant"
ANYBODY: Final = "*"


def manifests(route: Route, gateway: str) -> Iterator[Manifest]:
    """Render what a public service's own proxy demands of a request that comes from the gateway."""
    if not route.closed:
        return
    chosen = {"selector": {"matchLabels": selector(route.system, route.service)}}
    audiences: dict[str, list[str]] = {}
    for issuer in route.public.issuers:
        audiences.setdefault(issuer.issuer, []).append(issuer.audience)
    rules = [
        {"issuer": issuer, "audiences": wanted, "forwardOriginalToken": True} for issuer, wanted in audiences.items()
    ]
    yield route.manifest(
        "security.istio.io/v1/RequestAuthentication",
        route.service,
        {"spec": {**chosen, "jwtRules": rules}},
        "issuers",
    )
    principal = f"{TRUST_DOMAIN}/ns/{GATEWAY}/sa/{GATEWAYS[gateway]}"
    source = {"principals": [principal], "notRequestPrincipals": [ANYBODY]}
    refused: list[dict[str, Any]] = [{"from": [{"source": source}], "to": list(_closed(route))}]
    refused += [
        {
            "from": [{"source": {"principals": [principal], "requestPrincipals": [ANYBODY]}}],
            "when": [
                {"key": f"request.headers[{TENANT_HEADER}]", "values": [tenant]},
                {"key": "request.auth.claims[groups]", "notValues": [f"{TENANT_CLAIM}:{tenant}"]}
                if route.federated
                else {"key": f"request.auth.claims[{TENANT_CLAIM}]", "notValues": [tenant]},
            ],
        }
        for tenant in route.public.tenants
    ]
    yield route.manifest(
        "security.istio.io/v1/AuthorizationPolicy",
        f"{route.service}-tokens",
        {"spec": {**chosen, "action": "DENY", "rules": refused}},
        "issuers",
        {("spec", "rules", number): "tenants" for number in range(1, len(refused))},
    )


def _closed(route: Route) -> Iterator[dict[str, Any]]:
    """Name what takes a token: every other path than the open ones, and these by every other method."""
    methods: dict[str, list[str]] = {}
    for one in route.open_routes:
        methods.setdefault(one.template, []).append(one.method)
    yield {"operation": {"notPaths": list(methods)} if methods else {"paths": ["/*"]}}
    for path, open_to in methods.items():
        if "" not in open_to:
            yield {"operation": {"paths": [path], "notMethods": sorted(set(open_to))}}
