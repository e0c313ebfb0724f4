"""Data that must last lives in a store that survives a machine and lets in only those who need it.

A database in a bare container with one password for all loses data with its disk and gives it away with its password.
Several instances, encrypted connections and a user for each service, with no more rights than it needs, take away both.
"""

from fairway.core.conditions import PERSISTENT
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="data/reliable-store",
    applies=PERSISTENT,
    proof=Proof.LIVE,
    shows="an unencrypted connection and a foreign user are refused, and a service cannot change its own schema",
    places=(Place.LOCAL,),
)
