"""The metrics of sagas. Gauges tell what the store holds, so every replica tells the same: take the greatest."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from fairway_sdk.contract import metrics as names
from fairway_sdk.sagas.log import Count

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)

STARTED = Counter(names.SAGAS_STARTED, "Sagas started here.", ["saga"])
ENDED = Counter(names.SAGAS_ENDED, "Sagas that ended here.", ["saga", "outcome"])
DURATION = Histogram(names.SAGA_DURATION, "From a saga's start to its end.", ["saga", "outcome"], buckets=SECONDS)
TRIES = Counter(names.SAGA_TRIES, "Tries of steps and of their undoing.", ["saga", "step", "outcome"])
TAKEN = Counter(names.SAGAS_TAKEN, "Sagas taken over from an owner that did not let go.", ["saga"])
UNDER_WAY = Gauge(names.SAGAS, "Sagas in the store that have not ended.", ["saga", "state"])
OLDEST = Gauge(names.SAGA_OLDEST, "Age of the oldest saga that has not ended.", ["saga", "state"])


def tell(counts: Iterable[Count], known: Iterable[str], states: Iterable[str]) -> None:
    """Set the gauges to what the store holds now; what it no longer holds becomes nought."""
    found = {(count.saga, count.state): count for count in counts}
    wanted = {(saga, state) for saga in {*known, *(saga for saga, _ in found)} for state in states}
    for saga, state in wanted:
        count = found.get((saga, state))
        UNDER_WAY.labels(saga, state).set(count.number if count else 0)
        OLDEST.labels(saga, state).set(count.oldest if count else 0)
