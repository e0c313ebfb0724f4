"""Which schemas a service changes before it starts: by the SDK's command, or by one of its own."""

from typing import Final

from fairway.core.cluster import KEYRING
from fairway.core.facts import Engine
from fairway.core.profile import Profile

SQL: Final[frozenset[Engine]] = frozenset({"postgresql", "mysql"})
BY_SDK: Final[frozenset[Engine]] = SQL | {"dynamodb"}  # Cassandra's tables are the business of the service's own code


def migrated(profile: Profile) -> tuple[str, ...]:
    """Name the stores that a service's migration changes; none where it has no migration.

    Everyone who handles personal data makes the table of keys where it is missing: nobody declares that store, so it
    cannot be left to one of them.
    """
    if profile.facts.run is not None:
        return tuple(store.name for store in profile.durable_stores) if profile.facts.run.migrate else ()
    if profile.runs_to_completion:
        return ()
    own = tuple(store.name for store in profile.durable_stores if store.facts.engine in BY_SDK)
    return (*own, KEYRING) if "personal" in profile.data else own
