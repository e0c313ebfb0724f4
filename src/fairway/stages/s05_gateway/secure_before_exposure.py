"""A service that reaches secure user data is made secure before its public route exists.

A route is found by strangers within minutes of being opened. If encryption and policies follow later, even by one
wave, there is a time in which data stands open, and nobody notices because everything works.
"""

from fairway.core.conditions import EXPOSED, SECURE_USER_DATA
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="gateway/secure-before-exposure",
    applies=EXPOSED & SECURE_USER_DATA,
    proof=Proof.LIVE,
    shows="mutual TLS and policies are in force before the public route is applied",
    places=(Place.LOCAL, Place.CLUSTER),
)
