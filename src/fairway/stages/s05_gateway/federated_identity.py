"""Several identity providers are joined behind one issuer.

Each provider names people, audiences and roles in its own way. Teaching that to every route means that some route
gets it wrong. One federating issuer turns them all into one kind of token, and the gateway trusts that one alone.
"""

from collections.abc import Iterator

from fairway.core.conditions import EXPOSED, SEVERAL_IDENTITY_PROVIDERS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource

INSIDE = ("kubernetes.default", "kubernetes/serviceaccount", "cluster.local")
PLACES = (("security.istio.io", "RequestAuthentication"), ("gateway.envoyproxy.io", "SecurityPolicy"))


def check(estate: Estate) -> Iterator[Finding]:
    """Find doors at which several issuers are trusted side by side.

    Keys that a gateway holds in Secrets do not say whose they are, so only policies that name issuers can be judged.
    """
    for group, kind in PLACES:
        for resource in estate.of_kind(kind, group):
            issuers = _issuers(resource)
            if len(issuers) > 1:
                node, key = (
                    (resource.spec, "jwtRules") if kind == PLACES[0][1] else (resource.spec.mapping("jwt"), "providers")
                )
                says = f"it trusts {listed(issuers)} side by side: each names people and roles in its own way."
                fix = "Join them behind one issuer (Dex or Keycloak), and trust that one alone."
                yield found(RULE.id, node, key, says, fix)


def _issuers(resource: Resource) -> list[str]:
    """Name the issuers that people have tokens of; the cluster's own vouches for programs."""
    entries = (*resource.spec.items("jwtRules"), *resource.spec.mapping("jwt").items("providers"))
    named = dict.fromkeys(entry.text("issuer") for entry in entries if entry.has("issuer"))
    return [issuer for issuer in named if not any(word in issuer for word in INSIDE)]


RULE = Rule(
    id="gateway/federated-identity",
    applies=EXPOSED & SEVERAL_IDENTITY_PROVIDERS,
    proof=Proof.LIVE,
    shows="people of two providers get in, those of a third do not, and a code flow with PKCE completes",
    places=(Place.LOCAL,),
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/storefront/requestauthentication.yaml",
            old="  jwtRules:\n",
            new="  jwtRules:\n  - issuer: https://login.bookshop.example.com\n",
        ),
    ),
)
