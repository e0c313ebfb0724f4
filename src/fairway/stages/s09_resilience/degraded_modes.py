"""For every call it is settled what the caller does while the callee is down.

Whoever has not decided beforehand decides by accident: the caller hangs, or answers with an error nobody understands.
Often an older answer, or an answer without the missing part, serves the user well enough.
"""

import re
from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import CALLS_OTHERS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.container import Container
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.service import Service
from fairway.estate.whole import serves
from fairway.estate.workload import Workload

WAITS: Final = re.compile(
    r"\b(?:until|while)\b[^\n]{0,200}\b(?:nc|netcat|curl|wget|nslookup|getent|dig|ping|grpc_health_probe|http)\b|"
    r"wait[-_]?for(?:[-_]?it)?\b(?!-job)|\bdockerize\b.*-wait|\bwait4x\b|\bwait-on\b",
    re.DOTALL,
)
_TOKEN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


def check(estate: Estate) -> Iterator[Finding]:
    """Find services whose replicas do not start while another service is down; of a store, that is its own business.

    What a caller does later, while it runs, is in its code.
    """
    callees = set(serves(estate))
    services = {(one.resource.namespace, one.resource.name): one for one in estate.services}
    for workload in estate.workloads:
        if workload not in callees:
            continue
        for container in workload.init_containers:
            words = f"{container.image} {' '.join((*container.command, *container.arguments))}"
            one = _waited_for(estate, services, workload, words, callees) if WAITS.search(words) else None
            if one is not None:
                key = _key(container)
                says = f"a replica that starts while {one.resource.name} is down waits for it, and serves nothing."
                fix = "Start without it, and settle what to answer meanwhile: an older answer, or one part less."
                yield found(RULE.id, container.node, key, says, fix, warning=True)


def _waited_for(
    estate: Estate,
    services: dict[tuple[str, str], Service],
    workload: Workload,
    words: str,
    callees: set[Workload],
) -> Service | None:
    """Give the first service of the system that a command names."""
    for token in _TOKEN.findall(words):
        name, _, rest = token.partition(".")
        one = services.get((rest.partition(".")[0] or workload.namespace, name))
        behind = estate.workloads_of(one) if one is not None else ()
        if behind and workload not in behind and all(w in callees for w in behind):
            return one
    return None


def _key(container: Container) -> str:
    return "args" if container.arguments and WAITS.search(" ".join(container.arguments)) else "command"


RULE = Rule(
    id="resilience/degraded-modes",
    applies=CALLS_OTHERS,
    proof=Proof.DRILL,
    shows="the callee is down: an older answer is marked as such, and what is not essential is left out",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/deployment.yaml",
            old="      containers:\n      - name: inventory\n",
            new="      initContainers:\n      - name: after-shipping\n        image: busybox:1.37.0\n"
            "        command: [sh, -c, 'until nc -z shipping 8081; do sleep 1; done']\n"
            "        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 10m, memory: 16Mi}}\n"
            "        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true}\n"
            "      containers:\n      - name: inventory\n",
        ),
    ),
)
