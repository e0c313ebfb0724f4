"""Sensitive data is encrypted on every wire and on every disk.

Disks are copied, backups are lost and links are tapped without anybody noticing. Encrypted data under a key that is
kept elsewhere is worth nothing to whoever takes it. For personal fields the key belongs to one person, so that one
person can be forgotten.
"""

from fairway.core.conditions import SENSITIVE
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="security/encryption",
    applies=SENSITIVE,
    proof=Proof.LIVE,
    shows="planted values are found neither in the bytes on disk nor on the wire",
    places=(Place.LOCAL,),
)
