"""Every service logs structured lines that carry its trace and no personal data.

Free text cannot be searched by field, joined across services or counted. A line of JSON with the trace in it can.
What a log holds is copied to places that no erasure reaches, so secrets and personal fields never get in.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="observability/structured-logs",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="every line parses, names its trace, and holds no planted secret or personal value",
    places=(Place.LOCAL,),
)
