"""An event that arrives twice has the effect of one.

Brokers deliver at least once: after a crash, a time-out or a redrive the same event comes again. A handler that notes
what it has done, in the same transaction as the effect, can be retried without fear.
"""

from fairway.core.conditions import MESSAGING
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="resilience/idempotent-retries",
    applies=MESSAGING,
    proof=Proof.DRILL,
    shows="every event is delivered twice and out of order, and each has one effect",
    places=(Place.LOCAL,),
)
