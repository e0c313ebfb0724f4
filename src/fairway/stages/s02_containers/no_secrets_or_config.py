"""An image holds neither secrets nor the configuration of an environment.

Layers are never really deleted: a key that was copied in and removed again is still in the image, and in every copy
of it. A value that belongs to one environment makes the tested image a different one from the released image. Both
come from outside, when the container starts.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="containers/no-secrets-or-config",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="all layers and the environment of the image are searched for planted values",
    places=(Place.LOCAL,),
)
