"""A breaker's promises, by a clock that the test moves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway_sdk.calls.breaker import CLOSED, OPEN, TRIAL, Breaker
from fairway_sdk.calls.failures import BreakerOpenError
from fairway_sdk.clock import Clock
from fairway_sdk.contract.binding import Breaker as Bound


class Still(Clock):
    """A clock that stands still until it is moved."""

    def now(self) -> float:
        """Give the time that the test set."""
        return 1000.0 + self.ahead


def breaker(clock: Clock, failures: int = 3, pause: float = 10.0) -> tuple[Breaker, list[float]]:
    """Make a breaker, and the list of the states it turns to."""
    states: list[float] = []
    return Breaker(
        "payments", Bound(failures=failures, pause=pause), clock, lambda _, state: states.append(state)
    ), states


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    """A success in between starts the count anew."""
    one, states = breaker(Still())
    for verdict in (one.failed, one.failed, one.succeeded, one.failed, one.failed):
        verdict(one.enter())
    assert not states
    one.failed(one.enter())
    assert states == [OPEN]
    with pytest.raises(BreakerOpenError, match=r"payments: is left alone for another 10.0 s") as told:
        one.enter()
    assert told.value.wait == 10.0


def test_after_the_pause_one_call_is_let_through_and_the_others_are_refused() -> None:
    """Whoever waits for a callee that recovers does not fall on it all at once."""
    clock = Still()
    one, _ = breaker(clock, failures=1)
    one.failed(one.enter())
    clock.ahead = 10.0
    trial = one.enter()
    for _ in range(50):
        with pytest.raises(BreakerOpenError):
            one.enter()
    one.succeeded(trial)
    assert one.state == CLOSED


def test_a_failed_trial_opens_for_another_pause() -> None:
    """The pause counts from the trial's failure."""
    clock = Still()
    one, states = breaker(clock, failures=3)
    for _ in range(3):
        one.failed(one.enter())
    clock.ahead = 10.0
    trial = one.enter()
    clock.ahead = 12.0
    one.failed(trial)
    clock.ahead = 21.0
    with pytest.raises(BreakerOpenError) as told:
        one.enter()
    assert told.value.wait == 1.0
    assert states == [OPEN, TRIAL, OPEN]


def test_a_cancelled_trial_lets_the_next_call_be_the_trial() -> None:
    """Without that, a breaker whose trial was cancelled would stay shut for ever."""
    clock = Still()
    one, _ = breaker(clock, failures=1)
    one.failed(one.enter())
    clock.ahead = 10.0
    one.left(one.enter())
    one.succeeded(one.enter())
    assert one.state == CLOSED


def test_calls_from_before_it_opened_do_not_decide_how_the_callee_is_now() -> None:
    """A slow success does not close it, and a slow failure does not end the trial."""
    clock = Still()
    one, _ = breaker(clock, failures=1)
    slow = [one.enter(), one.enter()]
    one.failed(one.enter())
    one.succeeded(slow[0])
    assert one.state == OPEN
    clock.ahead = 10.0
    trial = one.enter()
    one.failed(slow[1])
    assert one.state == TRIAL
    one.succeeded(trial)
    assert one.state == CLOSED


def test_a_clock_that_is_set_back_does_not_keep_it_open() -> None:
    """One call too many is better than none for an hour."""
    clock = Still()
    one, _ = breaker(clock, failures=1)
    one.failed(one.enter())
    clock.ahead = -3600.0
    assert one.enter()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["enter", "succeeded", "failed", "left", "later"]), max_size=60))
def test_whatever_happens_at_most_one_trial_is_out_and_it_always_recovers(deeds: list[str]) -> None:
    """Calls come, end in any order and in any way: the breaker neither lets a crowd through nor stays shut."""
    clock = Still()
    one, _ = breaker(clock, failures=2, pause=10.0)
    out: list[tuple[int, bool]] = []
    for deed in deeds:
        if deed == "later":
            clock.ahead += 6.0
        elif deed == "enter":
            try:
                passed = one.enter()
            except BreakerOpenError:
                continue
            out.append((passed, one.state == TRIAL))
        elif out:
            getattr(one, deed)(out.pop(0)[0])
        assert sum(is_trial and given == max(passed for passed, _ in out) for given, is_trial in out) <= 1
    for passed, _ in out:
        one.succeeded(passed)
    clock.ahead += 100.0
    one.succeeded(one.enter())
    assert one.state == CLOSED
