"""Routing's part of the order of work: a route leads to what runs, except where what runs reads its routes first."""

from collections.abc import Iterator

from fairway.core.conditions import CONFIGURED_AT_RUN_TIME, SIDECAR_DEFERRED
from fairway.core.order import Before
from fairway.core.profile import Landscape

ROUTES_FIRST = {"containers/sidecars": SIDECAR_DEFERRED, "containers/runtime-configuration": CONFIGURED_AT_RUN_TIME}


def order(landscape: Landscape) -> Iterator[Before]:
    """Put each workload before its route, or its route first where its set-up waits for routing."""
    for name, profile in landscape.services.items():
        runs, route = f"workload/{name}", f"route/{name}"
        waiting = [(rule, asked.because) for rule, when in ROUTES_FIRST.items() if (asked := when(profile)).holds]
        for rule, because in waiting:
            yield Before(first=route, then=runs, rule=rule, because=because)
        if profile.serving and not waiting:
            because = "a route that leads nowhere fails every request"
            yield Before(first=runs, then=route, rule="routing/kubernetes-dns", because=because)
