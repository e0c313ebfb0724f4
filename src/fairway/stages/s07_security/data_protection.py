"""Protected data is classified, its readers are logged, and a person's data can be erased and exported.

The law gives people rights over what is kept about them, and a date to answer by. Without knowing where such data
lies, who read it and how to remove every copy, those rights cannot be met. Secrets that are kept for others ask for
the same care.
"""

from fairway.core.conditions import PROTECTED
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="security/data-protection",
    applies=PROTECTED,
    proof=Proof.LIVE,
    shows="after a person is erased no copy is left in stores, caches or parked events",
    places=(Place.LOCAL,),
)
