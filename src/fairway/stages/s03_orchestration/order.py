"""Orchestration's part of the order of work: what a workload waits for."""

from collections.abc import Iterator

from fairway.core.order import Before
from fairway.core.profile import Landscape


def order(landscape: Landscape) -> Iterator[Before]:
    """Put configuration and disks before the workloads that mount them."""
    for name, profile in landscape.services.items():
        configured, runs = f"configuration/{name}", f"workload/{name}"
        rule = "orchestration/configmaps-and-secrets"
        yield Before(first="platform", then=configured, rule=rule, because="it lives in the namespace")
        yield Before(first=configured, then=runs, rule=rule, because="its replicas mount it")
        if profile.stateful:
            yield Before(
                first=f"volume/{name}",
                then=runs,
                rule="orchestration/statefulset",
                because="what it keeps is settled before its first replica starts",
            )
