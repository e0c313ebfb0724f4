"""A program that runs beside a service has its place in the start order, probes and limits.

A sidecar that starts late loses the service's first requests, and one that stops early loses its last. Without
limits it takes memory from the very program that it serves. Where it cannot be set up before routing is known,
routing comes first.
"""

from fairway.core.conditions import MESH, SIDECARS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="containers/sidecars",
    applies=SIDECARS | MESH,
    proof=Proof.LIVE,
    shows="sidecars are ready before the service starts and stop after it",
    places=(Place.CLUSTER,),
)
