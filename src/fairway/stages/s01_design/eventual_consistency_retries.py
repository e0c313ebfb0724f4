"""Under eventual consistency every consumer retries with back-off and handles what keeps failing.

Eventually means that somebody tries again. A consumer that gives up at the first error leaves the parts in
disagreement for good; one that tries for ever, at once, holds up everything behind it and beats on what is already
down. Growing pauses, a limit, and a place for what still fails give both an end.
"""

from collections.abc import Iterator

from fairway.core.conditions import EVENTUAL_WORKFLOW
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.deliveries import faulty_deliveries
from fairway.estate.finding import found
from fairway.estate.index import Estate


def check(estate: Estate) -> Iterator[Finding]:
    """Find declared consumers that are tried for ever, or once. What a consumer's own code does is not seen.

    A channel that merely has no place for what fails is reported by resilience/dead-letters.
    """
    for one in faulty_deliveries(estate):
        yield found(RULE.id, one.node, one.key, one.says, one.fix, warning=one.arguable)


RULE = Rule(
    id="design/eventual-consistency-retries",
    applies=EVENTUAL_WORKFLOW,
    proof=Proof.DRILL,
    shows="a passing failure is retried and succeeds; a lasting one is parked",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/broker/consumer-mail.yaml",
            new="apiVersion: jetstream.nats.io/v1beta2\nkind: Consumer\n"
            "metadata:\n  name: mail\n  namespace: bookshop\nspec:\n  streamName: fairway_order-placed\n"
            "  durableName: mail\n  deliverPolicy: all\n  ackPolicy: explicit\n",
        ),
    ),
)
