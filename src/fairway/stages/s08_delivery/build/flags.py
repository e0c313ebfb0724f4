"""Feature flags: one file of flagd's definitions for all services, and who ends which flag when."""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from fairway.core.artefact import Manifest, Page
from fairway.core.labels import metadata
from fairway.core.parts import Files
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed
from fairway.stages.s08_delivery.decisions.flags import FlagSystem, FlagUse, feature_flags, flag_system, toggle_review
from fairway_sdk.contract import FLAGS_FILE

FILE: Final = PurePosixPath(FLAGS_FILE)
NAME: Final = "feature-flags"  # without a hash: a flip reaches replicas that run
SCHEMA: Final = "https://flagd.dev/schema/v0/flags.json"
STATES: Final = {True: "on", False: "off"}


def mounted(profile: Profile) -> Iterator[Files]:
    """Mount the file where a service reads flags from it."""
    decided = feature_flags(profile)
    if decided is not None and decided.value.system == "flagd":
        yield Files(
            service=profile.name,
            rule=decided.rule,
            topic=decided.topic,
            name="flags",
            folder=str(FILE.parent),
            source={"configMap": {"name": NAME}},
        )


def manifests(landscape: Landscape) -> Iterator[Manifest]:
    """Build the ConfigMap that holds the file."""
    decided = flag_system(landscape)
    if decided is None:
        return
    yield Manifest(
        path="platform/configmap-feature-flags.yaml",
        rule=decided.rule,
        topic=decided.topic,
        object={
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(landscape.system.system, NAME),
            "data": {FILE.name: definitions(decided.value)},
        },
    )


def definitions(flags: FlagSystem) -> str:
    """Write the flags as flagd reads them, each with its owner and its end."""
    return json.dumps({"$schema": SCHEMA, "flags": {flag.name: _definition(flag) for flag in flags.flags}}, indent=2)


def _definition(flag: FlagUse) -> dict[str, Any]:
    return {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": STATES[flag.default],
        "metadata": {"owner": flag.owner, "expires": flag.expires.isoformat()},
    }


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write how a flag is flipped, or which toggles are reviewed because no system keeps them."""
    decided = flag_system(landscape)
    if decided is not None:
        yield Page(path="runbooks/feature-flags.md", rule=decided.rule, text=_runbook(landscape, decided.value))
    reviewed = {
        name: asked.value
        for name, profile in landscape.services.items()
        if (asked := toggle_review(profile)) is not None
    }
    if reviewed:
        yield Page(path="design/toggles.md", rule="delivery/toggle-review", text=_inventory(reviewed))


def _runbook(landscape: Landscape, flags: FlagSystem) -> str:
    namespace = landscape.system.system
    rows = [
        f"| {flag.name} | {STATES[flag.default]} | {listed(_readers(landscape, flag.name)) or 'nobody'} | {flag.owner} "
        f"| {flag.expires} |"
        for flag in flags.flags
    ]
    return f"""# Feature flags

| flag | until it is flipped | read by | ended by | gone until |
| --- | --- | --- | --- | --- |
{chr(10).join(rows)}

## Flip one

1. Change its `default` under `flags` in fairway.yaml; `fairway build`; merge. The change says who did it and why.
2. Argo CD brings ConfigMap `{NAME}` into each cluster; replicas read the file anew by themselves, about a minute later.
3. `kubectl -n {namespace} get configmap {NAME} -o jsonpath='{{.data.flags\\.json}}'` tells what a cluster has.

## End one

Its owner takes it out of the code first and releases that; then out of `flags` of the service and of fairway.yaml.
"""


def _readers(landscape: Landscape, flag: str) -> list[str]:
    return [name for name, profile in landscape.services.items() if flag in profile.facts.flags]


def _inventory(reviewed: dict[str, tuple[FlagUse, ...]]) -> str:
    rows = [
        f"| {flag.name} | {name} | {STATES[flag.default]} | {flag.owner} | {flag.expires} |"
        for name, flags in reviewed.items()
        for flag in flags
    ]
    return f"""# Toggles in the code

No central system keeps these flags, so each flip is a release. Design looks at every one of them: is it still needed,
is each of its states tested, and who takes it out? `flags: flagd` under `platform` gives them a place of their own.

| toggle | in | state | taken out by | until |
| --- | --- | --- | --- | --- |
{chr(10).join(rows)}

For each: search the code of its service for the name, and list where it decides. A toggle that decides in more than one
place, or about stored data, gets a test for each state. One past its day is taken out before anything is added.
"""
