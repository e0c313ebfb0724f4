"""A workflow without strong consistency runs on events, and on events that compensate.

Where the parts may disagree for a while, services need not wait for one another: each acts on what it hears and
says what it did. An event that is sent beside the database commit, and not with it, is sooner or later lost or made
up, so it goes through an outbox. What fails later is put right by a further event, never by reaching into somebody
else's data.
"""

from collections.abc import Iterator

from fairway.core.conditions import EVENTUAL_WORKFLOW
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.channels import mismatches
from fairway.estate.finding import found
from fairway.estate.index import Estate


def check(estate: Estate) -> Iterator[Finding]:
    """Find listeners whose channel is not there, and channels that nothing listens to while others are listened to.

    Where only channels or only listeners are declared, the other side is in code; so are outboxes, always.
    """
    for one in mismatches(estate):
        yield found(RULE.id, one.node, one.key, one.says, one.fix, warning=one.arguable or bool(estate.unknown))


RULE = Rule(
    id="design/events-with-compensation",
    applies=EVENTUAL_WORKFLOW,
    proof=Proof.DRILL,
    shows="the broker is down while events are published, and none is lost",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/broker/consumer-mail.yaml",
            new="apiVersion: jetstream.nats.io/v1beta2\nkind: Consumer\n"
            "metadata:\n  name: mail\n  namespace: bookshop\nspec:\n  account: nats\n"
            "  streamName: fairway_order-place\n  durableName: mail\n  deliverPolicy: all\n"
            "  ackPolicy: explicit\n  maxDeliver: 8\n",
        ),
    ),
)
