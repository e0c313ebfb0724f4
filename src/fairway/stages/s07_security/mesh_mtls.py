"""The mesh demands mutual TLS everywhere and lets nobody in by default.

A mesh that also accepts plain text protects only those who ask for it. Strict mode at the root of the mesh holds for
workloads that do not exist yet, and a default refusal makes every allowed caller a written decision.
"""

from fairway.core.conditions import MESH
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="security/mesh-mtls",
    applies=MESH,
    proof=Proof.LIVE,
    shows="plain text and undeclared callers are refused in every namespace",
    places=(Place.LOCAL, Place.CLUSTER),
    once=True,
)
