"""What is exposed externally speaks REST with an OpenAPI document.

Outside callers choose their own languages and tools. Plain HTTP with a published description is what all of them can
use, what a gateway can check, and what a change can be compared against.
"""

from fairway.core.conditions import EXPOSED
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="design/rest-when-external",
    applies=EXPOSED,
    proof=Proof.LIVE,
    shows="a call through the gateway matches the OpenAPI document",
    places=(Place.LOCAL,),
)
