"""Each service has one business capability, which no other service has.

Two services with one capability drift apart and then disagree about the same thing. A service with two is changed
for two reasons, by two teams, and goes down for both. The one sentence that says what it is for also tells the
person on call what is lost while it is away.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Proof, Rule

RULE = Rule(
    id="design/single-capability",
    applies=ALWAYS,
    proof=Proof.STATIC,
)
