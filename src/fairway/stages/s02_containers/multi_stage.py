"""Build tools stay out of the image that runs.

Compilers, package managers and their caches are of no use to a running service, but of much use to an intruder.
They also make up most of an image's size and most of what a scanner finds in it. A second stage that copies only
the results leaves all of that behind.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="containers/multi-stage",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="the built image holds no compiler and no package cache",
    places=(Place.LOCAL,),
)
