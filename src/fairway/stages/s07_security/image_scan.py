"""No image runs that has not passed a vulnerability scan.

Most of an image is other people's code, and new faults in it become known every week. A scan in the pipeline helps
only if nothing can go around it. So the pipeline signs what passed, and the cluster asks for the signature.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Proof, Rule

RULE = Rule(
    id="security/image-scan",
    applies=ALWAYS,
    proof=Proof.STATIC,
    once=True,
)
