"""Every public route limits each consumer, and all consumers together.

One client in a loop, or one with bad intent, can take everything that a service has to give. A limit for each
consumer keeps the others unharmed; a limit for the route keeps the service standing when all come at once. Whoever
is turned away is told when to come back.
"""

from collections.abc import Iterator

from fairway.core.conditions import EXPOSED
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate

NAMED = 3  # services that a sentence carries


def check(estate: Estate) -> Iterator[Finding]:
    """Find ways in on which nothing counts requests."""
    for resource, key, ways in estate.front.open_to("limits"):
        names = list(dict.fromkeys(service.name for way in ways for service in way.services))
        shown = listed([*names[:NAMED], *(["others"] if len(names) > NAMED else [])])
        says = f"it leads from outside to {shown}, and nothing on the way limits how often."
        fix = "Limit each consumer and all together at the gateway, by a plugin, filter or policy for rates."
        yield found(RULE.id, resource.root if key == "spec" else resource.spec, key, says, fix)


RULE = Rule(
    id="gateway/rate-limit",
    applies=EXPOSED,
    proof=Proof.DRILL,
    shows="a burst is answered with 429 and Retry-After while other consumers are served as before",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/storefront/httproute.yaml",
            old=",storefront-limits",
            new="",
        ),
    ),
)
