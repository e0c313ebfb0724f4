"""Secrets needed at run time come from a secrets manager, mounted as files.

A secret that is written in a repository, even encoded, is known to everyone who ever had a copy. A manager knows
who may read which value, writes down who did, and can change it. Files are preferred to environment variables,
which are fixed when the process starts and turn up in crash reports and child processes.
"""

from fairway.core.conditions import SECRETS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="containers/secrets-manager",
    applies=SECRETS,
    proof=Proof.DRILL,
    shows="a secret is rotated and the service uses the new value without a restart",
    places=(Place.LOCAL,),
)
