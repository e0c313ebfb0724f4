"""Under eventual consistency every consumer retries with back-off and handles what keeps failing.

Eventually means that somebody tries again. A consumer that gives up at the first error leaves the parts in
disagreement for good; one that tries for ever, at once, holds up everything behind it and beats on what is already
down. Growing pauses, a limit, and a place for what still fails give both an end.
"""

from fairway.core.conditions import EVENTUAL_WORKFLOW
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="design/eventual-consistency-retries",
    applies=EVENTUAL_WORKFLOW,
    proof=Proof.DRILL,
    shows="a passing failure is retried and succeeds; a lasting one is parked",
    places=(Place.LOCAL,),
)
