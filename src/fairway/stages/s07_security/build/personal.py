"""Personal data: the chores that let go what is old and wrap the keys of persons anew."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from fairway.core.parts import Chore
from fairway.core.profile import Profile, tracked
from fairway.stages.s07_security.decisions import protection

ON_DEMAND: Final = "0 4 1 1 *"  # never: a suspended CronJob needs a line all the same


def chores(profile: Profile) -> Iterator[Chore]:
    """Attach the nightly retention to a service that keeps tracked data, and the rewrapping that is started by hand."""
    decided = protection.data_protection(profile)
    if decided is None or profile.facts.run is not None or profile.runs_to_completion:
        return
    module = f"{profile.name.replace('-', '_')}.service:service"
    if tracked(profile.data) and profile.stores:
        yield Chore(
            service=profile.name,
            rule=decided.rule,
            topic=decided.topic,
            name="retention",
            words=("retention", module),
            schedule=_nightly(profile.name),
        )
    if "personal" in profile.data:
        yield Chore(
            service=profile.name,
            rule="security/encryption",
            topic="keys of persons",
            name="rewrap",
            words=("rewrap", module),
            schedule=ON_DEMAND,
            suspended=True,
        )


def _nightly(service: str) -> str:
    """Choose a minute between one and five at night, the same at every build and not that of all others."""
    moment = int.from_bytes(sha256(service.encode()).digest()[:2], "big") % 240
    return f"{moment % 60} {1 + moment // 60} * * *"
