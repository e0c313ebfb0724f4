"""What may be lost lives in Redis, and nothing else does.

A cache is fast because it promises nothing. The day somebody keeps the only copy of something there, a restart or a
full memory becomes a loss of data, and the cache has to be tended like a database.
"""

from fairway.core.conditions import CACHED
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="data/ephemeral",
    applies=CACHED,
    proof=Proof.DRILL,
    shows="the cache is flushed while requests run, and nothing that must last is gone",
    places=(Place.LOCAL,),
)
