"""A workflow without strong consistency runs on events, and on events that compensate.

Where the parts may disagree for a while, services need not wait for one another: each acts on what it hears and
says what it did. An event that is sent beside the database commit, and not with it, is sooner or later lost or made
up, so it goes through an outbox. What fails later is put right by a further event, never by reaching into somebody
else's data.
"""

from fairway.core.conditions import EVENTUAL_WORKFLOW
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="design/events-with-compensation",
    applies=EVENTUAL_WORKFLOW,
    proof=Proof.DRILL,
    shows="the broker is down while events are published, and none is lost",
    places=(Place.LOCAL,),
)
