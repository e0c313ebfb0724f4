"""Heavy writing that is spread over machines runs on Cassandra or DynamoDB.

A single primary takes writes as fast as one machine can, and every region waits for it. Where rows are written far
more often than they are related to one another, a store that takes writes anywhere grows by adding machines.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import WRITE_HEAVY
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.databases import K8SSANDRA
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node

CASSANDRA: Final = "cassandra.datastax.com"
SCYLLA: Final = "scylla.scylladb.com"
FEWEST: Final = 3  # machines of which a majority goes on writing when one is lost
FIX: Final = f"Give it {FEWEST} nodes or more, in as many zones."


def check(estate: Estate) -> Iterator[Finding]:
    """Find clusters of Cassandra and ScyllaDB that spread their writes over no machines, or over too few.

    How heavily something is written is in no file, so another kind of store is not reported; a plain workload of one
    replica is said to be so by data/geo-replication.
    """
    for cluster in estate.of_kind("K8ssandraCluster", K8SSANDRA):
        cassandra = cluster.spec.mapping("cassandra")
        centres = list(cassandra.items("datacenters"))
        for centre in centres:
            yield from _few(centre, "size", centre.number("size"), alone=len(centres) == 1)
        for node in (cassandra, *centres):
            yield from _shared(node, "softPodAntiAffinity")
    for one in estate.of_kind("CassandraDatacenter", CASSANDRA):
        yield from _few(one.spec, "size", one.spec.number("size"), alone=True)
        yield from _shared(one.spec, "allowMultipleNodesPerWorker")
    for one in estate.of_kind("ScyllaCluster", SCYLLA):
        racks = one.spec.mapping("datacenter")
        yield from _few(racks, "racks", sum(rack.number("members") or 0 for rack in racks.items("racks")), alone=True)


def _few(node: Node, key: str, nodes: int | None, *, alone: bool) -> Iterator[Finding]:
    """Say that a datacenter has too few nodes; a cluster with others goes on there."""
    if nodes == 1:
        says = "it has one node: writes are spread over nothing, and stop with that machine."
        yield found(RULE.id, node, key, says, FIX, warning=not alone)
    elif nodes is not None and 1 < nodes < FEWEST:
        says = f"it has {nodes} nodes: when one is lost, no majority is left that could take a write."
        yield found(RULE.id, node, key, says, FIX, warning=True)


def _shared(node: Node, key: str) -> Iterator[Finding]:
    if node.flag(key):
        says = f"{key} lets several nodes share a machine: they share its disks, its limits and its end."
        yield found(RULE.id, node, key, says, "Take it out: one node a machine is the default.", warning=True)


RULE = Rule(
    id="data/write-heavy",
    applies=WRITE_HEAVY,
    proof=Proof.LIVE,
    shows="rows are written to and read from the real interface, at a given endpoint or an emulated one",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/clicks.yaml",
            new="apiVersion: cassandra.datastax.com/v1beta1\nkind: CassandraDatacenter\n"
            "metadata:\n  name: clicks\n  namespace: bookshop\nspec:\n  clusterName: clicks\n  size: 1\n",
        ),
    ),
)
