"""An image for a secure environment is scanned in CI, and findings stop the pipeline.

Most of an image is written by others, and new faults in it are published every week. A scan whose result nobody
must look at changes nothing; one that stops the pipeline is looked at the same day. The list of contents that it
writes answers, months later, where a newly found fault runs.
"""

from fairway.core.conditions import SECURE_ENVIRONMENT
from fairway.core.rule import Proof, Rule

RULE = Rule(
    id="containers/scan-in-ci",
    applies=SECURE_ENVIRONMENT,
    proof=Proof.STATIC,
)
