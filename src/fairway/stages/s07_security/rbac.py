"""Every service has its own account, with no right it does not use.

A token that is mounted into a container is the first thing an intruder looks for. An account shared by several
services gives each the rights of all. Most services never speak to the Kubernetes API, and then need no token at all.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="security/rbac",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="what each account may do is exactly what was granted",
    places=(Place.CLUSTER,),
)
