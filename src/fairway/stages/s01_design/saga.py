"""A workflow with strong consistency is a durable saga whose steps can be taken back.

All steps or none can only be kept by somebody who remembers which steps were taken and can take them back in
reverse. That memory must outlive the process, because processes die between any two lines. A step that cannot be
taken back is safe only as the last one, when nothing after it can fail.
"""

from fairway.core.conditions import STRONG_WORKFLOW
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="design/saga",
    applies=STRONG_WORKFLOW,
    proof=Proof.DRILL,
    shows="killed at every step boundary, all runs end completed or compensated and no money is made or lost",
    places=(Place.LOCAL,),
)
