"""A program that runs beside a service has its place in the start order, probes and limits.

A sidecar that starts late loses the service's first requests, and one that stops early loses its last. Without
limits it takes memory from the very program that it serves. Where it cannot be set up before routing is known,
routing comes first.
"""

from collections.abc import Iterator

from fairway.core.conditions import MESH, SIDECARS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.container import Container
from fairway.estate.finding import found
from fairway.estate.index import Estate

PROXIES = frozenset(
    "cloudsql cloud-sql-proxy consul-dataplane envoy ghostunnel istio-proxy "  # noqa: SIM905 - words read better
    "linkerd-proxy oauth2-proxy proxyv2 sql-proxy traefik vault-agent".split()
)
"""Programs through which a service's own requests go: it needs them from its first to its last."""


def check(estate: Estate) -> Iterator[Finding]:
    """Find sidecars that nobody waits for, and proxies without a place in the start order."""
    for workload in estate.workloads:
        for container in workload.sidecars:
            if container.startup is None and container.readiness is None:
                says = f"sidecar '{container.name}' has no startupProbe and no readinessProbe: nobody waits for it."
                fix = "Add a startupProbe; the containers after it start when it answers."
                yield found(RULE.id, container.node, "startupProbe", says, fix)
        for container in workload.containers[1:] if len(workload.containers) > 1 else ():
            if _proxy(container):
                ends = workload.runs_to_completion
                says = (
                    f"'{container.name}' is an ordinary container: it may start after the service that goes through it"
                )
                says += ", and keeps the finished job from ending." if ends else ", and stop before it."
                fix = "Make it a native sidecar: an init container with restartPolicy: Always."
                yield found(RULE.id, container.node, "name", says, fix, warning=not ends)


def _proxy(container: Container) -> bool:
    image = "-".join(container.image_words)
    return container.name in PROXIES or any(image == name or f"-{name}-" in f"-{image}-" for name in PROXIES)


RULE = Rule(
    id="containers/sidecars",
    applies=SIDECARS | MESH,
    proof=Proof.LIVE,
    shows="sidecars are ready before the service starts and stop after it",
    places=(Place.CLUSTER,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/payments/deployment.yaml",
            old="        startupProbe:\n          httpGet:\n            path: /startedz\n            port: 9102\n"
            "          periodSeconds: 2\n          timeoutSeconds: 2\n          failureThreshold: 30\n"
            "        livenessProbe:\n          httpGet:\n            path: /livez\n            port: 9102\n"
            "          periodSeconds: 10\n          timeoutSeconds: 2\n          failureThreshold: 3\n"
            "        readinessProbe:\n          httpGet:\n            path: /readyz\n            port: 9102\n"
            "          periodSeconds: 5\n          timeoutSeconds: 2\n          failureThreshold: 2\n",
            new="",
        ),
    ),
)
