"""Traffic moves to where the service still works.

A zone or a region can fail as a whole while the service is well elsewhere. Routes that name the second place before it
is needed move traffic in seconds; routes that are written during the failure take as long as the people do.
"""

from fairway.core.conditions import REROUTING
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="resilience/rerouting",
    applies=REROUTING,
    proof=Proof.DRILL,
    shows="all replicas in one place are killed: traffic moves, with the seconds and errors it took",
    places=(Place.LOCAL,),
)
