"""Every service runs from a container image with a fixed version and without root.

An image is the one thing that is built once and runs the same on every machine. A tag that moves, such as latest,
means that nobody can say what runs or go back to what ran. A process that is root inside its container is one
kernel fault away from being root outside.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="containers/docker",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="its image builds and starts",
    places=(Place.LOCAL, Place.CLUSTER),
)
