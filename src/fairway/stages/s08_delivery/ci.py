"""Every change is validated, tested and scanned before it can be released.

What depends on somebody remembering is skipped on the day it matters. A pipeline checks every change in the same way
and leaves a record. If one of the three is missing, its faults are found in production.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="delivery/ci",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="the pipeline file passes its linter, and its commands run here",
    places=(Place.LOCAL,),
)
