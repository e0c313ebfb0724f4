"""Alerts and rollouts ask for what the SDK tells, by its names, and between the bounds that its histograms have."""

import msgspec
import pytest
from prometheus_client import Histogram

from fairway.core.facts import System
from fairway.core.profile import Profile, survey
from fairway.core.signals import CALLS, EVENTS, GRPC, REST, Signal, done, failed, slow
from fairway_sdk.calls import metrics as calls
from fairway_sdk.events import metrics as events
from fairway_sdk.grpc import metrics as grpc
from fairway_sdk.rest import metrics as rest


def orders(mesh: str = "none") -> Profile:
    """Give a service that answers REST from outside and gRPC from within, and handles events."""
    services = {
        "orders": {"exposure": "external", "consumes": ["paid"]},
        "desk": {"calls": {"orders": {}}, "publishes": ["paid"]},
    }
    facts = {"system": "shop", "services": services, "channels": {"paid": {}}, "platform": {"mesh": mesh}}
    return survey(msgspec.convert(facts, System)).services["orders"]


@pytest.mark.parametrize(
    ("signal", "told"),
    [(REST, rest.DURATION), (GRPC, grpc.DURATION), (EVENTS, events.DURATION), (CALLS, calls.DURATION)],
    ids=["REST", "gRPC", "events", "calls"],
)
def test_a_signal_has_the_bounds_of_the_histogram_that_the_sdk_keeps(signal: Signal, told: Histogram) -> None:
    """A bound that is not there selects no bucket, and nothing would ever be slow."""
    assert signal.bounds == tuple(told._upper_bounds[:-1])  # noqa: SLF001 - the client tells it nowhere else


def test_work_of_several_kinds_is_added_and_what_is_not_told_counts_as_nothing() -> None:
    """One missing kind does not take the others away."""
    asked = done(orders(), ("requests", "events"), "5m")
    assert asked == (
        '(sum(rate(http_server_request_duration_seconds_count{service="orders"}[5m])) or vector(0))'
        ' + (sum(rate(rpc_server_call_duration_seconds_count{service="orders"}[5m])) or vector(0))'
        ' + (sum(rate(fairway_events_handled_total{service="orders",outcome!~"repeated|early"}[5m])) or vector(0))'
    )


def test_the_mesh_is_asked_only_where_there_is_one_and_only_after_the_service() -> None:
    """A service without the SDK is counted by its proxy; one with it is not counted twice."""
    asked = failed(orders("istio"), ("requests",), "5m")
    assert asked.index("http_server_request_duration_seconds_count") < asked.index("istio_requests_total")
    assert 'or 0 * sum(rate(http_server_request_duration_seconds_count{service="orders"}[5m]))' in asked
    assert "istio" not in failed(orders(), ("requests",), "5m")


def test_slowness_between_two_bounds_is_spread_evenly() -> None:
    """300 ms lies a fifth of the way from 250 to 500; at a bound itself nothing is guessed."""
    between = slow(orders(), ("events",), 0.3, "5m")
    assert '0.8 * sum(rate(fairway_event_duration_seconds_bucket{service="orders",le="0.25"}[5m]))' in between
    assert '0.2 * sum(rate(fairway_event_duration_seconds_bucket{service="orders",le="0.5"}[5m]))' in between
    exact = slow(orders(), ("events",), 1, "5m")
    assert 'le=~"1([.]0)?"' in exact
    assert "*" not in exact


def test_a_limit_beyond_the_last_bound_is_the_last_bound() -> None:
    """What took longer than the last bound is known, how much longer is not."""
    assert 'le=~"30([.]0)?"' in slow(orders(), ("events",), 60, "5m")


def test_a_version_can_be_asked_for_by_itself() -> None:
    """Verdicts on a new version look at its own replicas."""
    where = 'rollouts_pod_template_hash="abc"'
    for asked in (done, failed):
        assert asked(orders(), ("requests",), "5m", where).count(where) == 2
