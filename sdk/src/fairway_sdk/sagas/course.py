"""Where a saga stands and where it goes from there: pure functions over what its log holds."""

from typing import Final, TypeAlias

from msgspec import Raw, Struct
from msgspec.structs import replace

from fairway_sdk.sagas.definition import Definition, Step

RUNNING: Final = "running"
COMPENSATING: Final = "compensating"
COMPLETED: Final = "completed"
COMPENSATED: Final = "compensated"
STUCK: Final = "stuck"
ABANDONED: Final = "abandoned"

MOVING: Final = (RUNNING, COMPENSATING)
ENDED: Final = (COMPLETED, COMPENSATED, ABANDONED)

NOTHING: Final = Raw(b"null")


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the log holds of one step: that it was done, or that it was tried and nobody knows."""

    step: str
    done: bool = False
    result: Raw = NOTHING
    undo: str = ""  # its way back at that time: what was done by a step that the code no longer has
    at: float = 0.0  # seconds since the epoch
    undone: float = 0.0


class Kept(Struct, frozen=True, kw_only=True):
    """One saga as its row holds it."""

    id: str
    saga: str
    state: str = RUNNING
    step: str = ""  # the one at hand
    tries: int = 0  # of the step at hand that failed; back to 0 with each success
    log: tuple[Entry, ...] = ()
    failed: str = ""  # the step because of which it is undone
    reason: str = ""  # for which it is undone
    trouble: str = ""  # the last try that failed, or why it is stuck
    document: str = "null"  # the input as JSON, personal fields sealed
    person: str = ""
    tenant: str = ""
    trace: str = ""  # W3C traceparent
    owner: str = ""  # who works on it; whoever lets go in good order leaves it empty
    version: int = 0  # grows with every change: what was known before it is refused
    created: float = 0.0

    @property
    def ended(self) -> bool:
        """Tell whether nothing will happen any more."""
        return self.state in ENDED


class Do(Struct, frozen=True):
    """Next, do a step."""

    step: Step


class Undo(Struct, frozen=True):
    """Next, undo a step."""

    step: Step
    entry: Entry


class End(Struct, frozen=True):
    """Nothing is left to do, or nothing can be done."""

    state: str
    trouble: str = ""


Next: TypeAlias = Do | Undo | End


def course(definition: Definition, kept: Kept) -> Next:
    """Tell what comes next under the code of now, which may be other code than that which began the saga."""
    if kept.state == RUNNING:
        return _forward(definition, kept)
    if kept.state == COMPENSATING:
        return _back(definition, kept)
    return End(kept.state, kept.trouble)


def _forward(definition: Definition, kept: Kept) -> Next:
    for entry in kept.log:
        if not entry.done and entry.undo and entry.step not in definition.steps:
            return End(STUCK, f"step '{entry.step}' may have been done, and the code no longer has it.")
    following = definition.after({entry.step for entry in kept.log if entry.done})
    return End(COMPLETED) if following is None else Do(following)


def _back(definition: Definition, kept: Kept) -> Next:
    for entry in reversed(kept.log):
        if entry.undone:
            continue
        step = definition.steps.get(entry.step)
        if step is not None and step.undo is not None:
            if entry.done or not step.in_transaction:
                return Undo(step, entry)
        elif entry.undo:
            was = "was done" if entry.done else "may have been done"
            lacks = "the step" if step is None else f"its undo '{entry.undo}'"
            return End(STUCK, f"step '{entry.step}' {was}, and the code no longer has {lacks}.")
    return End(COMPENSATED)


def settled(definition: Definition, kept: Kept) -> Kept:
    """Look ahead after a change: name the step at hand, or end the saga in the same record."""
    following = course(definition, kept)
    if isinstance(following, End):
        return replace(kept, state=following.state, trouble=following.trouble, step="")
    return replace(kept, step=following.step.name)


def done(kept: Kept, step: Step, result: Raw, at: float) -> Kept:
    """Note that a step was done."""
    entry = Entry(step=step.name, done=True, result=result, undo=step.undo.name if step.undo else "", at=at)
    others = tuple(other for other in kept.log if other.step != step.name)
    return replace(kept, log=(*others, entry), tries=0, trouble="")


def in_doubt(kept: Kept, name: str, step: Step | None, at: float) -> Kept:
    """Note that a step may have been done; nothing changes where that is known, or where it cannot be."""
    if any(entry.step == name for entry in kept.log) or (step is not None and step.in_transaction):
        return kept
    undo = "unknown" if step is None else step.undo.name if step.undo else ""
    return replace(kept, log=(*kept.log, Entry(step=name, undo=undo, at=at)))


def tried(kept: Kept, trouble: str) -> Kept:
    """Note one more try that failed."""
    return replace(kept, tries=kept.tries + 1, trouble=trouble)


def turned(kept: Kept, step: str, reason: str) -> Kept:
    """Turn back: from now on what was done is undone."""
    return replace(kept, state=COMPENSATING, failed=step, reason=reason, trouble="", tries=0)


def undone(kept: Kept, name: str, at: float) -> Kept:
    """Note that a step was undone."""
    log = tuple(replace(entry, undone=at) if entry.step == name else entry for entry in kept.log)
    return replace(kept, log=log, tries=0, trouble="")


def stuck(kept: Kept, trouble: str) -> Kept:
    """Note that it can go neither on nor back by itself."""
    return replace(kept, state=STUCK, trouble=trouble)


def resumed(kept: Kept) -> Kept:
    """Let a stuck saga move on in the direction it had, with all its tries."""
    return replace(kept, state=COMPENSATING if kept.failed else RUNNING, tries=0, owner="")


def taken(definition: Definition, kept: Kept, before: str, at: float) -> Kept:
    """Take over from another owner: one that did not let go in good order may have done the step at hand."""
    if before and kept.state == RUNNING and kept.step:
        return in_doubt(kept, kept.step, definition.steps.get(kept.step), at)
    return kept
