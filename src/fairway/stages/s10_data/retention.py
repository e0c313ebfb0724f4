"""Personal and regulated data is kept as long as it must be and no longer, unless it is under legal hold.

What is kept without a reason can still be stolen, asked for and fined. What is deleted by hand is deleted unevenly,
and a deletion that knows no legal hold destroys what a court has asked to see. Logs, caches and queues count too.
"""

from fairway.core.conditions import PERSONAL_OR_REGULATED
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="data/retention",
    applies=PERSONAL_OR_REGULATED,
    proof=Proof.LIVE,
    shows="rows past their retention are gone, and those under legal hold are there",
    places=(Place.LOCAL,),
)
