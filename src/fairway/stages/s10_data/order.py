"""Data's part of the order of work: a store before everyone who uses it."""

from collections.abc import Iterator

from fairway.core.migration import migrated
from fairway.core.order import Before
from fairway.core.profile import Landscape
from fairway.stages.s10_data.decisions import stores


def order(landscape: Landscape) -> Iterator[Before]:
    """Put stores before the migrations and workloads that use them, and disks before what keeps state on them."""
    used = [*(store for store in landscape.stores.values() if store.users), *stores.keyring(landscape)]
    for store in used:
        name, rule = store.name, "data/reliable-store" if store.durable else "data/ephemeral"
        piece = f"store/{name}"
        yield Before(first="platform", then=piece, rule=rule, because="its operator runs it")
        for user in store.users:
            yield Before(first=piece, then=f"workload/{user}", rule=rule, because=f"{user} uses {name} from the start")
            if name in migrated(landscape.services[user]):
                because = f"it changes the schema of {name}"
                yield Before(first=piece, then=f"migration/{user}", rule=rule, because=because)
    for name, profile in landscape.services.items():
        if profile.stateful:
            because = "its class of storage must be there"
            yield Before(first="platform", then=f"volume/{name}", rule="data/reliable-store", because=because)
