"""The state machine alone, walked at random: it ends, nothing is done or undone twice, and the way back is the way."""

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway_sdk import Saga
from fairway_sdk.sagas import course as to
from fairway_sdk.sagas.course import NOTHING, Do, End, Kept, Undo
from fairway_sdk.sagas.definition import Definition, Step
from fairway_sdk.sagas.definition import Undo as WayBack

TRIES: Final = 3


async def _act(*_given: object) -> None: ...


def _definition(shape: list[tuple[bool, bool]]) -> Definition:
    steps = {}
    for number, (has_undo, in_transaction) in enumerate(shape):
        name = f"s{number}"
        undo = WayBack(name=f"u{number}", act=_act, takes=frozenset()) if has_undo else None
        takes = frozenset({"tx"}) if in_transaction else frozenset()
        steps[name] = Step(
            name=name, act=_act, takes=takes, undo=undo, retries=None, timeout=None, declines=(), result=Any
        )
    return Definition(name="walk", person="", input=str, steps=steps, saga=Saga())


class Walk:
    """One saga under random outcomes, with a world that knows what was really done."""

    def __init__(self, definition: Definition, outcomes: list[str]) -> None:
        self.definition = definition
        self.outcomes = outcomes
        self.kept = Kept(id="w", saga="walk", step=next(iter(definition.steps)), owner="a")
        self.entered: list[str] = []
        self.effects: list[str] = []  # steps whose effect is there, in order
        self.undone: list[str] = []
        self.turns = 0

    def go(self) -> None:
        """Walk until the end; outcomes that run out are good ones."""
        while not self.kept.ended and self.kept.state != to.STUCK:
            self.turns += 1
            assert self.turns < 200, "it does not end"
            outcome = self.outcomes.pop() if self.outcomes else "fine"
            following = to.course(self.definition, self.kept)
            if isinstance(following, End):
                self.kept = to.settled(self.definition, self.kept)
            elif isinstance(following, Do):
                self._do(following.step, outcome)
            else:
                self._undo(following, outcome)

    def _take_over(self) -> None:
        before, self.kept = self.kept, to.taken(self.definition, self.kept, self.kept.owner, 1.0)
        assert self.kept.state == before.state

    def _do(self, step: Step, outcome: str) -> None:
        assert step.name not in self.undone, "it goes forwards after going back"
        self.entered.append(step.name)
        happens = outcome in {"fine", "lost"} or (outcome == "crash after" and not step.in_transaction)
        if outcome == "lost" and step.in_transaction:
            happens = False
        if happens and step.name not in self.effects:  # a key makes a repetition have no second effect
            self.effects.append(step.name)
        if outcome.startswith("crash"):
            self._take_over()
        elif outcome == "fine":
            self.kept = to.settled(self.definition, to.done(self.kept, step, NOTHING, 1.0))
        else:
            declined = outcome == "declined"  # also by a callee that did it, and was asked again after a crash
            if not declined:
                self.kept = to.in_doubt(self.kept, step.name, step, 1.0)
            self.kept = to.tried(self.kept, "why")
            if declined or self.kept.tries >= TRIES:
                self.kept = to.settled(self.definition, to.turned(self.kept, step.name, "why"))

    def _undo(self, following: Undo, outcome: str) -> None:
        name = following.step.name
        assert name in self.entered, "it undoes what was never begun"
        if outcome in {"fine", "crash after", "lost"} and name not in self.undone:
            self.undone.append(name)
        if outcome.startswith("crash"):
            self._take_over()
        elif outcome == "fine":
            self.kept = to.settled(self.definition, to.undone(self.kept, name, 1.0))
        else:
            self.kept = to.tried(self.kept, "why")
            if self.kept.tries >= TRIES:
                self.kept = to.stuck(self.kept, "why")


OUTCOMES = st.sampled_from(["fine", "fine", "lost", "failed", "declined", "declined", "crash before", "crash after"])


@settings(max_examples=600)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6), st.lists(OUTCOMES, max_size=25))
def test_every_walk_ends_and_leaves_all_or_nothing(shape: list[tuple[bool, bool]], outcomes: list[str]) -> None:
    """Whatever fails and crashes, in whatever order."""
    walk = Walk(_definition(shape), outcomes)
    walk.go()
    steps = walk.definition.steps
    with_undo = {name for name, step in steps.items() if step.undo is not None}
    if walk.kept.state == to.COMPLETED:
        assert walk.effects == list(steps)
        assert walk.undone == []
    elif walk.kept.state == to.COMPENSATED:
        assert with_undo.intersection(walk.effects) <= set(walk.undone)
    else:
        assert walk.kept.state == to.STUCK
        assert walk.kept.tries == TRIES
    order = [name for name in reversed(list(dict.fromkeys(walk.entered))) if name in walk.undone]
    assert walk.undone == order, "what was begun last is undone first"
    assert len(walk.undone) == len(set(walk.undone))
