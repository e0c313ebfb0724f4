"""How workflows that span services stay consistent."""

from typing import Final, Literal

import msgspec

from fairway.core.decision import Decision, Instead, State
from fairway.core.facts import Participant
from fairway.core.levels import EVENT_RETRIES
from fairway.core.profile import Landscape, WorkflowProfile
from fairway.core.wording import listed

Model = Literal["saga", "events"]
MODELS: Final[dict[Model, str]] = {
    "saga": "a saga: {coordinator} takes the steps in order, and takes them back when one fails",
    "events": "events: each service acts on what it hears, and a failure is put right by a further event",
}
NOT_THIS_MODEL: Final[dict[Model, tuple[Instead, ...]]] = {
    "saga": (
        Instead("two-phase commit", "it locks rows in every store and halts all of them when one is down"),
        Instead("events with compensation", "nobody could say which runs are half done"),
    ),
    "events": (Instead("a saga", "every run would depend on one coordinator, for a promise that nobody asked for"),),
}
STUCK_AFTER: Final = {"mission-critical": "5m", "standard": "15m", "low": "1h"}  # by criticality of the coordinator


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a workflow, and what takes it back."""

    service: str
    name: str
    undo: str | None


class SagaLog(msgspec.Struct, frozen=True, kw_only=True):
    """Where a saga remembers its runs, how often it tries a step, and when a run counts as stuck."""

    coordinator: str
    store: str
    stuck_after: str
    tries: int  # of a step that gets no answer, before what was done is undone
    longest_pause: str  # between two of them


class Participation(msgspec.Struct, frozen=True, kw_only=True):
    """The events by which one service takes part in a workflow."""

    service: str
    publishes: tuple[str, ...]
    consumes: tuple[str, ...]


def transaction_model(flow: WorkflowProfile) -> Decision[Model]:
    """Choose how a workflow stays consistent; until its consistency is declared, by events."""
    model: Model = "saga" if flow.facts.consistency == "strong" else "events"
    if flow.facts.consistency is None:
        state: State = "unanswered"
        answer = f"Which consistency does {flow.name} need: strong or eventual?"
        because = "none is declared; until then it is treated as eventual, by events with compensation"
    else:
        state = "decided"
        answer = MODELS[model].format(coordinator=flow.coordinator)
        because = f"its consistency is declared {flow.facts.consistency}"
    return Decision(
        rule="design/transaction-model",
        topic="transaction model",
        subject=f"workflow {flow.name}",
        answer=answer,
        because=because,
        value=model,
        instead=NOT_THIS_MODEL[model] if state == "decided" else (),
        state=state,
    )


def steps(flow: WorkflowProfile) -> Decision[tuple[Step, ...]]:
    """Spell out the steps of a workflow; ask for the undo of each that lacks one and is not the last."""
    lacking = [_step(step) for step in flow.steps[:-1] if step.undo is None]
    if lacking:
        answer = f"What takes back {listed(lacking)}?"
        because = "only the last step can do without an undo; until it is named, a run that fails later needs a person"
    else:
        answer = ", then ".join(_step(step) + (f" (undo: {step.undo})" if step.undo else "") for step in flow.steps)
        because = "when a step fails, those before it are taken back; only the last can do without an undo"
    return Decision(
        rule="design/saga" if flow.facts.consistency == "strong" else "design/events-with-compensation",
        topic="steps",
        subject=f"workflow {flow.name}",
        answer=answer,
        because=because,
        value=tuple(Step(service=step.service, name=step.step or step.service, undo=step.undo) for step in flow.steps),
        state="unanswered" if lacking else "decided",
    )


def saga_log(flow: WorkflowProfile, landscape: Landscape) -> Decision[SagaLog] | None:
    """Choose where a saga remembers its runs; None where the workflow is no saga."""
    if flow.facts.consistency != "strong":
        return None
    coordinator = landscape.services[flow.coordinator]
    store, stuck_after = coordinator.transactional_store, STUCK_AFTER[coordinator.facts.criticality]
    tries, _, longest = EVENT_RETRIES[coordinator.facts.criticality]
    return Decision(
        rule="design/saga",
        topic="saga log",
        subject=f"workflow {flow.name}",
        answer=f"{store} of {flow.coordinator}; a step without an answer is tried {tries} times, then all is undone;"
        f" a run that is not over after {stuck_after} raises an alert",
        because=f"{flow.coordinator} coordinates, and its criticality is {coordinator.facts.criticality}",
        value=SagaLog(
            coordinator=flow.coordinator, store=store, stuck_after=stuck_after, tries=tries, longest_pause=longest
        ),
        instead=(Instead("a workflow engine of its own", "one more cluster to run, and one more thing to be down"),),
    )


def participation(flow: WorkflowProfile, landscape: Landscape) -> Decision[tuple[Participation, ...]] | None:
    """Tell by which events each service takes part; None unless the workflow is declared eventual."""
    if flow.facts.consistency != "eventual":
        return None
    members = {step.service: landscape.services[step.service].facts for step in flow.steps}
    sent = {channel for facts in members.values() for channel in facts.publishes}
    heard = {channel for facts in members.values() for channel in facts.consumes}
    linking = sent & heard
    parts = tuple(
        Participation(
            service=name,
            publishes=tuple(channel for channel in facts.publishes if channel in linking),
            consumes=tuple(channel for channel in facts.consumes if channel in linking),
        )
        for name, facts in members.items()
    )
    if silent := [part.service for part in parts if not part.publishes and not part.consumes]:
        verb, them = ("does", "it") if len(silent) == 1 else ("do", "them")
        answer = f"By which events {verb} {listed(silent)} take part in {flow.name}?"
        because = f"no channel joins {them} to the other participants; until one does, {flow.name} passes {them} by"
    else:
        answer = "; ".join(f"{part.service} {_speaks(part)}" for part in parts)
        because = f"{flow.name} is declared eventual, so events carry it"
    return Decision(
        rule="design/events-with-compensation",
        topic="events",
        subject=f"workflow {flow.name}",
        answer=answer,
        because=because,
        value=parts,
        state="unanswered" if silent else "decided",
    )


def _step(step: Participant) -> str:
    return f"step {step.step} of {step.service}" if step.step else f"the step of {step.service}"


def _speaks(part: Participation) -> str:
    both = ("consumes", part.consumes), ("publishes", part.publishes)
    return " and ".join(f"{verb} {listed(names)}" for verb, names in both if names)
