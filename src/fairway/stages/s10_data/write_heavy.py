"""Heavy writing that is spread over machines runs on Cassandra or DynamoDB.

A single primary takes writes as fast as one machine can, and every region waits for it. Where rows are written far
more often than they are related to one another, a store that takes writes anywhere grows by adding machines.
"""

from fairway.core.conditions import WRITE_HEAVY
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="data/write-heavy",
    applies=WRITE_HEAVY,
    proof=Proof.LIVE,
    shows="rows are written to and read from the real interface, at a given endpoint or an emulated one",
    places=(Place.LOCAL,),
)
