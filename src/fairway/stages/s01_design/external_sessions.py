"""A stateless service keeps its users' sessions in a store outside its process.

A session in the process ends whenever its replica does: at every release, every scale-in and every crash. Pinning
users to replicas only hides that, and keeps load from spreading. In a store of its own a session goes on at
whichever replica the next request reaches.
"""

from fairway.core.conditions import SESSIONS, STATELESS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="design/external-sessions",
    applies=STATELESS & SESSIONS,
    proof=Proof.DRILL,
    shows="a replica is killed in mid-session and the session goes on at another",
    places=(Place.LOCAL,),
)
