"""A workflow with strong consistency is a durable saga whose steps can be taken back.

All steps or none can only be kept by somebody who remembers which steps were taken and can take them back in
reverse. That memory must outlive the process, because processes die between any two lines. A step that cannot be
taken back is safe only as the last one, when nothing after it can fail.
"""

from collections.abc import Iterator

from fairway.core.conditions import STRONG_WORKFLOW
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.coordinators import forgetful
from fairway.estate.finding import found
from fairway.estate.index import Estate


def check(estate: Estate) -> Iterator[Finding]:
    """Find coordinators of workflows whose memory does not outlive their process.

    Steps, and what takes them back, are in code alone, and so is a saga that a service runs by itself.
    """
    for one in forgetful(estate):
        yield found(RULE.id, one.node, one.key, one.says, one.fix)


RULE = Rule(
    id="design/saga",
    applies=STRONG_WORKFLOW,
    proof=Proof.DRILL,
    shows="killed at every step boundary, all runs end completed or compensated and no money is made or lost",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/component-workflows.yaml",
            new="apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: workflows\n  namespace: bookshop\n"
            "spec:\n  type: state.in-memory\n  version: v1\n  metadata:\n  - name: actorStateStore\n"
            '    value: "true"\n',
        ),
    ),
)
