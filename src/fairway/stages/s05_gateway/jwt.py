"""Every public route demands a valid token, unless it is declared anonymous.

A signed token can be checked at the door without asking anybody, on every request. The check must hold for the
signature, the algorithm, the issuer, the audience and the time, because each of them has been left out somewhere
and been used.
"""

from fairway.core.conditions import EXPOSED
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="gateway/jwt",
    applies=EXPOSED,
    proof=Proof.LIVE,
    shows="tokens that are forged, expired, unsigned, or of another audience or issuer are refused",
    places=(Place.LOCAL,),
)
