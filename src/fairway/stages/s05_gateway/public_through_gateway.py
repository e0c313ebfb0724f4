"""What is exposed is reached only through the gateway.

Tokens, limits and logs are kept at one place, and they are worth nothing if a second way leads past it. A load
balancer or node port that points straight at a service is such a way.
"""

from collections.abc import Iterator

from fairway.core.conditions import EXPOSED
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource

GATEWAY_KINDS = (
    ("configuration.konghq.com", ("KongPlugin", "KongConsumer")),
    ("getambassador.io", ("Mapping", "Host")),
)
KONG, AMBASSADOR = "kong", "ambassador"


def check(estate: Estate) -> Iterator[Finding]:
    """Find applications that are open to the outside by themselves, or by an entrance beside the gateway."""
    for way in estate.front.ways:
        if not way.straight:
            continue
        how = way.resource.spec.text("type") if way.key == "type" else "externalIPs"
        names = ", ".join(workload.resource.id for workload in way.workloads[:2])
        says = f"{how} opens {names} to the outside, past any gateway: nothing checks tokens or counts requests there."
        fix = "Make it a ClusterIP, and lead to it by a route of the gateway (HTTPRoute, Ingress, Mapping)."
        yield found(RULE.id, way.node, way.key, says, fix)
    yield from _beside(estate)


def _beside(estate: Estate) -> Iterator[Finding]:
    """Find Ingresses of another controller than the gateway that is there."""
    for group, kinds in GATEWAY_KINDS:
        if not any(estate.of_kind(kind, group) for kind in kinds):
            continue
        product = KONG if group.startswith("configuration") else AMBASSADOR
        for way in estate.front.ways:
            name = _class(way.resource)
            if way.resource.kind == "Ingress" and name and product not in name and not _known(estate, name, product):
                says = f"its class is {name}, while {product.capitalize()} is the gateway: its checks are passed by."
                fix = f"Give it the class of {product.capitalize()}, or make it a route of the gateway."
                yield found(RULE.id, way.resource.spec, "ingressClassName", says, fix)


def _class(ingress: Resource) -> str:
    return ingress.spec.text("ingressClassName") or ingress.annotations.get("kubernetes.io/ingress.class", "")


def _known(estate: Estate, name: str, product: str) -> bool:
    """Tell whether a class of another name is the gateway's after all."""
    classes = (one for one in estate.of_kind("IngressClass") if one.name == name)
    return any(product in one.spec.text("controller") or "konghq" in one.spec.text("controller") for one in classes)


RULE = Rule(
    id="gateway/public-through-gateway",
    applies=EXPOSED,
    proof=Proof.LIVE,
    shows="a direct call from outside is refused and the same call through the gateway is answered",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/ingress-beside.yaml",
            new="apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: beside\n  namespace: bookshop\n"
            '  annotations:\n    nginx.ingress.kubernetes.io/limit-rps: "10"\n'
            "spec:\n  ingressClassName: nginx\n"
            "  tls:\n  - hosts: [orders.example.com]\n    secretName: orders\n"
            "  rules:\n  - host: orders.example.com\n    http:\n      paths:\n      - path: /\n"
            "        pathType: Prefix\n        backend: {service: {name: orders, port: {number: 8080}}}\n",
        ),
    ),
)
