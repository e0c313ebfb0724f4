"""Protected data is classified, its readers are logged, and a person's data can be erased and exported.

The law gives people rights over what is kept about them, and a date to answer by. Without knowing where such data
lies, who read it and how to remove every copy, those rights cannot be met. Secrets that are kept for others ask for
the same care.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import PROTECTED
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource

GROUP: Final = "audit.k8s.io"
SECRETS: Final = frozenset({"secrets", "*"})
READS: Final = frozenset({"get", "list", "watch", "*"})
WRITES: Final = frozenset({"create", "update", "patch", "*"})
BODIES: Final = frozenset({"Request", "RequestResponse"})
CHOSEN: Final = ("users", "userGroups", "namespaces", "verbs")
"""What makes a rule of a policy one for some requests only."""


def check(estate: Estate) -> Iterator[Finding]:
    """Find policies of Kubernetes' audit log that copy what Secrets hold, or record nobody who reads them.

    Which other data is protected, who reads it and how it is erased is in code and contracts, and in no manifest.
    """
    for policy in estate.of_kind("Policy", GROUP):
        yield from _judge(policy)


def _judge(policy: Resource) -> Iterator[Finding]:
    """Go through a policy's rules as the API server does: the first that fits decides."""
    recorded = False
    for rule in policy.root.items("rules"):
        if not _secrets(rule):
            continue
        level, verbs = rule.text("level"), frozenset(rule.texts("verbs")) or frozenset({"*"})
        if level == "RequestResponse" or (level == "Request" and not verbs.isdisjoint(WRITES)):
            says = f"a request for a Secret is written down with its body (level {level}): its values are in the log."
            fix = "Before it, add a rule for secrets, configmaps and tokenreviews with level Metadata."
            yield found(RULE.id, rule, "level", says, fix)
            return
        if level in {"Metadata", *BODIES} and not verbs.isdisjoint(READS):
            recorded = True
        if not any(rule.has(key) for key in CHOSEN):
            if level == "None" and not recorded:
                yield _unrecorded(rule, "level")
            return
    if not recorded:
        yield _unrecorded(policy.root, "rules")


def _unrecorded(node: Node, key: str) -> Finding:
    """Say that reading is not recorded; a warning, as a policy may be meant for something else alone."""
    says = "it records nobody who reads a Secret: what was read, and by whom, cannot be told afterwards."
    return found(RULE.id, node, key, says, "Add a rule for secrets with level Metadata before it.", warning=True)


def _secrets(rule: Node) -> bool:
    """Tell whether a rule is about Secrets: by name, with their whole group, or with everything."""
    if not rule.has("resources"):
        return not rule.has("nonResourceURLs")
    return any(
        not entry.text("group") and not entry.has("resourceNames") and _all_or_secrets(entry.texts("resources"))
        for entry in rule.items("resources")
    )


def _all_or_secrets(resources: tuple[str, ...]) -> bool:
    return not resources or not SECRETS.isdisjoint(resources)


RULE = Rule(
    id="security/data-protection",
    applies=PROTECTED,
    proof=Proof.LIVE,
    shows="after a person is erased no copy is left in stores, caches or parked events",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/policy-audit.yaml",
            new="apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: RequestResponse\n",
        ),
    ),
)
