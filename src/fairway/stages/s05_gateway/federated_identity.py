"""Several identity providers are joined behind one issuer.

Each provider names people, audiences and roles in its own way. Teaching that to every route means that some route
gets it wrong. One federating issuer turns them all into one kind of token, and the gateway trusts that one alone.
"""

from fairway.core.conditions import EXPOSED, SEVERAL_IDENTITY_PROVIDERS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="gateway/federated-identity",
    applies=EXPOSED & SEVERAL_IDENTITY_PROVIDERS,
    proof=Proof.LIVE,
    shows="people of two providers get in, those of a third do not, and a code flow with PKCE completes",
    places=(Place.LOCAL,),
    once=True,
)
