"""A service that is configured at run time uses one image everywhere, and its routes are settled first.

An image that must be rebuilt for each environment was never tested in the form in which it is released. What such a
service reads when it starts includes where others are found, so routing is settled before it is set up. A schema
refuses a wrong value at the start, where it is cheap.
"""

from fairway.core.conditions import CONFIGURED_AT_RUN_TIME
from fairway.core.rule import Proof, Rule

RULE = Rule(
    id="containers/runtime-configuration",
    applies=CONFIGURED_AT_RUN_TIME,
    proof=Proof.STATIC,
)
