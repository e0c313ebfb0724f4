"""An event that cannot be handled is parked where it can be read and sent again.

One event that always fails blocks everything behind it, or is dropped and never missed until a customer asks. Parked
beside its error it hurts nobody, somebody is told, and after the fix it takes its normal way.
"""

from fairway.core.conditions import MESSAGING
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="resilience/dead-letters",
    applies=MESSAGING,
    proof=Proof.DRILL,
    shows="an event that always fails is parked after its tries, and handled when it is sent again after the fix",
    places=(Place.LOCAL,),
)
