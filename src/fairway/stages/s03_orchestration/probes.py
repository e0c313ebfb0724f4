"""What runs on is asked whether it lives, and what serves requests whether it is ready.

A process that hangs is restarted only if somebody notices, and a replica that cannot answer should get no requests.
These are two questions: restarting does not mend a database that is down, so liveness asks about the process alone.
"""

import re
from collections.abc import Iterator

from fairway.core.conditions import RUNS_ON
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.container import Container, Probe
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.traffic import receivers, serving

DEPENDENCIES = frozenset(
    "database db dependencies dependency deps elasticsearch kafka "  # noqa: SIM905 - words read better without quotes
    "mongo mongodb mysql postgres postgresql rabbitmq readiness ready readyz redis upstream".split()
)
"""Words of a path whose answer depends on more than the process."""
ITSELF = frozenset({"", "localhost", "127.0.0.1", "0.0.0.0", "::1", "[::1]"})  # noqa: S104 - a name of the own Pod here
_WORD = re.compile(r"[a-z]+")
_URL = re.compile(r"https?://(\[[^\]]*\]|[^/:\s\"']+)")


def check(estate: Estate) -> Iterator[Finding]:
    """Find missing probes, probes that ask the same, and liveness that hangs on others."""
    for workload in estate.workloads:
        if workload.runs_to_completion:
            continue
        why = serving(estate, workload)
        for container in receivers(estate, workload) if why else workload.containers[:1]:
            yield from _missing(container, why)
        for container in workload.containers:
            yield from _confused(container)


def _missing(container: Container, why: str) -> Iterator[Finding]:
    probes = {"livenessProbe": container.liveness, "readinessProbe": container.readiness if why else container.liveness}
    missing = [key for key, probe in probes.items() if probe is None and (why or key == "livenessProbe")]
    if missing:
        means = {
            "livenessProbe": "nobody notices when it hangs",
            "readinessProbe": f"{why} whether it can answer or not",
        }
        says = f"container '{container.name}' has no {' and no '.join(missing)}: "
        says += ", and ".join(means[key] for key in missing) + "."
        fix = f"Add {listed(missing)}; liveness asks about the process alone, readiness whether it can serve."
        yield found(
            RULE.id, container.node, missing[0], says, fix if why else "Add livenessProbe, as a command if need be."
        )


def _confused(container: Container) -> Iterator[Finding]:
    live, ready = container.liveness, container.readiness
    if live is None:
        return
    if asked := _others(live):
        says = f"liveness of container '{container.name}' asks {asked}: when that fails, every replica is restarted."
        yield found(
            RULE.id, container.node, "livenessProbe", says, "Ask about the process alone; leave the rest to readiness."
        )
    elif ready is not None and live.asks and live.asks == ready.asks and live.patience <= ready.patience:
        says = f"liveness and readiness of container '{container.name}' ask the same, with the same patience: "
        says += "it is restarted when it should only get no requests."
        fix = "Give readiness a question of its own, or liveness a higher failureThreshold."
        yield found(RULE.id, container.node, "livenessProbe", says, fix, warning=True)


def _others(probe: Probe) -> str:
    """Name what a liveness probe asks beyond its own process."""
    if probe.host not in ITSELF:
        return f"host {probe.host}"
    if not DEPENDENCIES.isdisjoint(_WORD.findall(probe.path.partition("?")[0].lower())):
        return probe.path
    for word in probe.command:
        for host in _URL.findall(word):
            if host not in ITSELF and not host.startswith("$"):
                return f"host {host}"
    return ""


RULE = Rule(
    id="orchestration/probes",
    applies=RUNS_ON,
    proof=Proof.DRILL,
    shows="a process that hangs is restarted; one whose dependency is down gets no requests and is not restarted",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="        readinessProbe:\n          httpGet:\n            path: /readyz\n            port: admin\n"
            "          periodSeconds: 2\n          timeoutSeconds: 2\n          failureThreshold: 2\n",
            new="",
        ),
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="path: /livez",
            new="path: /readyz",
        ),
    ),
)
