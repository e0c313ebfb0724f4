"""A tenant's requests reach only that tenant's backend.

A tenant that is named by the caller is a claim, and callers lie. The gateway compares the name with the token,
drops what it did not set itself, and routes by the result. Otherwise one changed header shows one customer
another's data.
"""

import re
from collections.abc import Iterator

from fairway.core.conditions import EXPOSED, ROUTED_BY_TENANT
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource

TENANT = re.compile(r"(^|[-_])(tenant|organi[sz]ation|org)([-_]?(id|name|key|slug))?$")
HEADER = re.compile(r"^request\.headers\[(.+)\]$")
CLAIM = "request.auth.claims"
CHECKED_BY_PLUGIN = "konghq.com/plugins"


def check(estate: Estate) -> Iterator[Finding]:
    """Find routes that choose a backend by a tenant that the caller names, and policies that compare wrongly.

    A header that a token's claim was copied to cannot be told from a caller's own by its route alone; where nothing
    in the estate compares the header with a claim, it is the caller's.
    """
    policies = estate.of_kind("AuthorizationPolicy", "security.istio.io")
    compared = {name for policy in policies for name in _compared(policy)}
    for way in estate.front.ways:
        if CHECKED_BY_PLUGIN in way.resource.annotations:
            continue  # a plugin may compare; its code is not read here
        for node, name in _by_header(way.resource):
            if TENANT.search(name.lower()) and name.lower() not in compared:
                says = f"it leads by header '{name}', which the caller writes: anybody can name any tenant."
                fix = "Drop the header at the gateway and set it from the verified token, or compare it with a claim."
                yield found(RULE.id, node, "headers", says, fix)
    for policy in policies:
        yield from _mistaken(policy)


def _by_header(resource: Resource) -> Iterator[tuple[Node, str]]:
    """Give the matches of a route that read a header, each with the header's name."""
    for rule in (*resource.spec.items("rules"), *resource.spec.items("http")):
        for match in (*rule.items("matches"), *rule.items("match")):
            headers = match.value.get("headers")
            names = [h.text("name") for h in match.items("headers")] if isinstance(headers, list) else []
            names += list(match.mapping("headers").value) if isinstance(headers, dict) else []
            yield from ((match, name) for name in names if not name.startswith("@request.auth.claims"))
    if resource.kind == "Mapping":
        yield from ((resource.spec, name) for name in resource.spec.mapping("headers").value)


def _conditions(policy: Resource) -> Iterator[tuple[Node, str, tuple[str, ...], Node, tuple[str, ...]]]:
    """Give the pairs that a policy compares: a header's values, and the claim's that are refused with them."""
    for rule in policy.spec.items("rules"):
        every = list(rule.items("when"))
        for one in every:
            header = HEADER.match(one.text("key"))
            for other in every:
                if header and other.text("key").startswith(CLAIM) and other.texts("notValues"):
                    yield rule, header[1], one.texts("values"), other, other.texts("notValues")


def _compared(policy: Resource) -> Iterator[str]:
    yield from (header.lower() for _, header, _, _, _ in _conditions(policy))


def _mistaken(policy: Resource) -> Iterator[Finding]:
    """Find a comparison that lets one tenant's token speak for another."""
    if policy.spec.text("action") != "DENY":
        return
    for _, header, named, claim, allowed in _conditions(policy):
        wrong = [value for value in allowed if value.rpartition(":")[2] not in named]
        if TENANT.search(header.lower()) and wrong:
            says = f"with '{named[0] if named else ''}' in header '{header}' it accepts a token of '{wrong[0]}'."
            yield found(RULE.id, claim, "notValues", says, "Name the same tenant in both conditions.")


RULE = Rule(
    id="gateway/tenant-routing",
    applies=EXPOSED & ROUTED_BY_TENANT,
    proof=Proof.LIVE,
    shows="with a token of one tenant, no header or path reaches the backend of another",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/storefront/authorizationpolicy-tokens.yaml",
            old="- tenant:campus",
            new="- tenant:riverside",
        ),
    ),
)
