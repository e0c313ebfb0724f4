"""Every public route demands a valid token, unless it is declared anonymous.

A signed token can be checked at the door without asking anybody, on every request. The check must hold for the
signature, the algorithm, the issuer, the audience and the time, because each of them has been left out somewhere
and been used.
"""

from collections.abc import Iterator

from fairway.core.conditions import EXPOSED
from fairway.core.labels import ANONYMOUS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate

NAMED = 3  # services that a sentence carries


def check(estate: Estate) -> Iterator[Finding]:
    """Find ways in on which nothing asks for a token, and nobody wrote down why."""
    for resource, key, ways in estate.front.open_to("tokens"):
        names = list(dict.fromkeys(service.name for way in ways for service in way.services))
        shown = listed([*names[:NAMED], *(["others"] if len(names) > NAMED else [])])
        says = f"it leads from outside to {shown}, and nothing on the way asks for a token."
        fix = "Check tokens at the gateway (a JWT or OpenID Connect plugin, filter or policy), "
        fix += f"or write in the annotation {ANONYMOUS} of the route why anybody may come in."
        yield found(RULE.id, resource.root if key == "spec" else resource.spec, key, says, fix)


RULE = Rule(
    id="gateway/jwt",
    applies=EXPOSED,
    proof=Proof.LIVE,
    shows="tokens that are forged, expired, unsigned, or of another audience or issuer are refused",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/httproute-dex.yaml",
            old="    fairway.dev/anonymous-because: People who sign in have no token yet\n",
            new="",
        ),
    ),
)
