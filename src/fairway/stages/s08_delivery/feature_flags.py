"""Feature flags live in one central system, each with an owner and an end.

Flags in environment variables need a restart and differ between replicas. In one place they are flipped for all at
once, and everybody can see what is on. A flag without an end stays in the code for years and doubles what must be
tested.
"""

import json
from collections.abc import Iterator
from typing import Any

from fairway.core.conditions import FLAGS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource

WORDS = frozenset({"feature", "features", "flag", "toggle", "toggles", "ff"})
STATES = frozenset({"true", "false", "on", "off", "yes", "no", "enabled", "disabled", "0", "1"})
WANTED = ("owner", "expires")


def check(estate: Estate) -> Iterator[Finding]:
    """Find toggles in variables, by a name that says so and a value that is on or off; and flags that nobody ends."""
    for workload in estate.workloads:
        for container in (*workload.containers, *workload.sidecars):
            for variable in container.variables:
                words = variable.name.lower().split("_")
                if variable.value is not None and variable.value.lower() in STATES and not WORDS.isdisjoint(words):
                    says = f"toggle {variable.name} of container '{container.name}' is a variable: a flip is a restart."
                    fix = "Keep it in a flag system that services ask while they run, such as flagd."
                    yield found(RULE.id, variable.node, "value", says, fix, warning=True)
    for config in estate.of_kind("ConfigMap", ""):
        for key, text in config.root.pairs("data").items():
            yield from _endless(config, key, _flags(text))


def _flags(text: str) -> dict[str, Any]:
    """Read flagd's definitions, where a text holds some: all of these have variants."""
    if '"flags"' not in text or '"variants"' not in text:
        return {}
    try:
        flags = json.loads(text)["flags"]
    except (ValueError, TypeError, KeyError):
        return {}  # whoever reads it says so
    return flags if isinstance(flags, dict) else {}


def _endless(config: Resource, key: str, flags: dict[str, Any]) -> Iterator[Finding]:
    lacking = []
    for name, flag in flags.items():
        known = flag.get("metadata") if isinstance(flag, dict) else None
        if not (isinstance(known, dict) and all(known.get(word) for word in WANTED)):
            lacking.append(str(name))
    if lacking:
        says = f"nobody is said to end {listed(lacking)}, or no day."
        fix = f"Give each flag metadata: {' and '.join(WANTED)}."
        yield found(RULE.id, config.root.mapping("data"), key, says, fix, warning=True)


RULE = Rule(
    id="delivery/feature-flags",
    applies=FLAGS,
    proof=Proof.LIVE,
    shows="a flip reaches all replicas without a restart: seconds",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/deployment.yaml",
            old="        imagePullPolicy: IfNotPresent\n        ports:\n        - name: grpc\n",
            new="        imagePullPolicy: IfNotPresent\n        env:\n        - name: FEATURE_GIFTS\n"
            '          value: "true"\n        ports:\n        - name: grpc\n',
        ),
    ),
)
