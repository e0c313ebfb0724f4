"""All traffic inside the system is mutual TLS between known identities.

A network is no proof of who is calling: one broken container can listen to and speak as any other. With a certificate
on both sides each knows whom it talks to, and nobody between them can read or change a word.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="security/mtls",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="plain text, a foreign authority and a wrong identity are all refused",
    places=(Place.LOCAL,),
)
