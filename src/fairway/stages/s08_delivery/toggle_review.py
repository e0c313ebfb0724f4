"""Toggles without a central system are reviewed in design.

A switch in the code that nobody can throw from outside is a second version of the program, shipped unseen. Where
there is no flag system, each one is listed and its place in the design is looked at again.

Not in files: which switches the code has is in the code, and that somebody reviewed them leaves nothing in a manifest.
"""

from fairway.core.conditions import FLAGS, NO_FLAG_SYSTEM
from fairway.core.rule import Proof, Rule

RULE = Rule(
    id="delivery/toggle-review",
    applies=FLAGS & NO_FLAG_SYSTEM,
    proof=Proof.STATIC,
)
