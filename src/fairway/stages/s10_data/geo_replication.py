"""In a system of several regions, data that must last is in more than one of them.

A region that takes over without the data takes over nothing. Restoring a large store from its backup takes hours; a
copy that follows along is there at once, as far as it has followed.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import PERSISTENT, SEVERAL_REGIONS
from fairway.core.errors import did_you_mean
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.databases import CNPG, databases
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource

REFERENCES: Final = ("self", "primary", "source")


def check(estate: Estate) -> Iterator[Finding]:
    """Find databases of which there is one copy alone, and followers of what is not there.

    Files do not tell how many regions a system spans, so a single copy is a warning.
    """
    for database in databases(estate):
        workload = database.workload
        if workload is not None and (workload.replicas or 1) == 1 and not estate.autoscalers_of(workload):
            says = f"{database.says} once, on one machine in one zone: nothing anywhere follows it."
            fix = "Run it by an operator with replicas and, where there are several regions, one in another region."
            yield found(RULE.id, database.resource.spec, "replicas", says, fix, warning=True)
    for cluster in estate.of_kind("Cluster", CNPG):
        yield from _follows(estate, cluster)


def _follows(estate: Estate, cluster: Resource) -> Iterator[Finding]:
    """Find names of clusters that are not described, or whose archive is not there."""
    known = {one.text("name"): one for one in cluster.spec.items("externalClusters")}
    replica = cluster.spec.mapping("replica")
    missing: set[str] = set()
    for key in REFERENCES:
        name = replica.text(key)
        if name and name not in known and name != cluster.name and name not in missing:
            missing.add(name)
            says = f"'{name}' is not among spec.externalClusters: this cluster follows nobody."
            fix = did_you_mean(name, sorted(known)) or "Describe it there."
            yield found(RULE.id, replica, key, says, fix)
    for one in known.values():
        parameters = one.mapping("plugin").mapping("parameters")
        store = parameters.text("barmanObjectName")
        if store and not estate.find("ObjectStore", cluster.namespace, store, cluster):
            says = f"ObjectStore '{store}', the archive of {one.text('name')}, is not there."
            fix = "Add it, or name one that is there."
            yield found(RULE.id, parameters, "barmanObjectName", says, fix, warning=bool(estate.unknown))


RULE = Rule(
    id="data/geo-replication",
    applies=SEVERAL_REGIONS & PERSISTENT,
    proof=Proof.LIVE,
    shows="a row written in one region is read in the other, with the lag",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/us-east-1/data/orders-db/cluster.yaml",
            old="    source: orders-db-eu-west-1\n  externalClusters",
            new="    source: orders-db-eu-west-2\n  externalClusters",
        ),
    ),
)
