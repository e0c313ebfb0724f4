"""A tenant's requests reach only that tenant's backend.

A tenant that is named by the caller is a claim, and callers lie. The gateway compares the name with the token,
drops what it did not set itself, and routes by the result. Otherwise one changed header shows one customer
another's data.
"""

from fairway.core.conditions import EXPOSED, ROUTED_BY_TENANT
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="gateway/tenant-routing",
    applies=EXPOSED & ROUTED_BY_TENANT,
    proof=Proof.LIVE,
    shows="with a token of one tenant, no header or path reaches the backend of another",
    places=(Place.LOCAL,),
)
