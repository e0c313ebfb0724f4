"""Services register with the cluster's DNS and call one another by name.

Addresses of replicas change with every release and every failure, so an address that is written down is already
wrong. A name that stands for all ready replicas stays right by itself. It only works while its selector matches
something.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from fairway.core.conditions import ALWAYS
from fairway.core.errors import did_you_mean
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.addresses import private_address
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.service import Service
from fairway.estate.workload import Workload

MOST_NAMES = 500  # that a name is compared with, as comparing takes time
# Labels that operators and charts put on Pods, which are not among the files.
OPERATED = re.compile(r"^(?!app\.kubernetes\.io/|k8s-app$)[^/]*\.[^/]*/|^statefulset\.kubernetes\.io/")


# Labels that programs put on their own Pods while they run: who leads, who is sealed.
AT_RUN_TIME = re.compile(r"^(?:vault-(?:active|initialized|perf-standby|sealed|version)|spilo-role)$")


def check(estate: Estate) -> Iterator[Finding]:
    """Find Services that stand for nothing, ports that lead nowhere, and addresses that are written down."""
    customs = {(one.namespace, one.name) for one in estate.resources if "." in one.group and one.kind not in KNOWN}
    here: dict[str, list[Workload]] = {}
    for workload in estate.workloads:
        here.setdefault(workload.namespace, []).append(workload)
    charts = {Path(one.file).parent for one in estate.unknown if one.unrendered}
    for one in estate.services:
        if Path(one.resource.file).parent not in charts:  # else its Pods may be in what was not rendered beside it
            yield from _nothing(estate, one, customs, here.get(one.resource.namespace, []))
        yield from _lost_ports(estate, one)
    yield from _addresses(estate)


KNOWN = frozenset({"Ingress", "NetworkPolicy", "HTTPRoute", "VirtualService", "DestinationRule", "ServiceMonitor"})


def _nothing(estate: Estate, one: Service, customs: set[tuple[str, str]], here: list[Workload]) -> Iterator[Finding]:
    """Find a Service whose selector picks no Pod of any workload; what an operator starts is not among the files."""
    selector = one.selector
    if selector is None or estate.workloads_of(one) or any(OPERATED.search(key) for key, _ in selector.labels):
        return
    namespace = one.resource.namespace
    if any((namespace, value) in customs for _, value in selector.labels):
        return
    if not here:
        return  # its workloads are elsewhere
    if any(AT_RUN_TIME.match(key) for key, _ in selector.labels):
        return  # the program itself says so when it runs
    labels = ", ".join(f"{key}={value}" for key, value in selector.labels)
    says = f"its selector {labels} picks no Pod in namespace {namespace}: its name leads nowhere."
    near = {value for w in here[:MOST_NAMES] for key, value in w.pod_labels.items() if key in dict(selector.labels)}
    guess = next((did_you_mean(value, sorted(near)) for _, value in selector.labels if value not in near), "")
    fix = guess or "Select the labels of the Pods that it stands for, or remove it."
    yield found(RULE.id, one.resource.spec, "selector", says, fix, warning=bool(estate.unknown))


def _lost_ports(estate: Estate, one: Service) -> Iterator[Finding]:
    """Find a port that leads to a name no container has."""
    workloads = estate.workloads_of(one)
    names = {port.name for w in workloads for c in (*w.containers, *w.sidecars) for port in c.ports}
    for port, node in zip(one.ports, one.resource.spec.items("ports"), strict=False):
        if workloads and isinstance(port.target, str) and port.target not in names:
            says = f"it leads to port '{port.target}', and no container behind it has a port of that name."
            fix = did_you_mean(port.target, sorted(names - {""})) or "Name the container's port, or lead to its number."
            yield found(RULE.id, node, "targetPort", says, fix)


def _addresses(estate: Estate) -> Iterator[Finding]:
    """Find addresses inside the cluster that stand in settings, where a name would stay right."""
    fix = "Write the name of its Service: <service>.<namespace>.svc.cluster.local."
    for workload in estate.workloads:
        for container in workload.every_container:
            for variable in container.variables:
                if address := private_address(variable.node.text("value")):
                    says = f"variable '{variable.node.text('name')}' holds the address {address}: "
                    says += "it is wrong as soon as what it names moves."
                    yield found(RULE.id, variable.node, "value", says, fix)
    for resource in estate.of_kind("ConfigMap", ""):
        data = resource.root.mapping("data")
        for key, value in resource.root.mapping("data").value.items():
            if isinstance(value, str) and (address := private_address(value)):
                says = f"'{key}' holds the address {address}: it is wrong as soon as what it names moves."
                yield found(RULE.id, data, key, says, fix)


RULE = Rule(
    id="routing/kubernetes-dns",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="a name resolves and a call by that name is answered",
    places=(Place.LOCAL, Place.CLUSTER),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/activity/service.yaml",
            old="  selector:\n    app.kubernetes.io/name: activity\n",
            new="  selector:\n    app.kubernetes.io/name: activities\n",
        ),
        Edit(
            path="production/eu-west-1/services/shipping/service.yaml",
            old="targetPort: grpc",
            new="targetPort: rpc",
        ),
    ),
)
