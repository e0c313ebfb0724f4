"""Walk every service through the standard, decide, and say why."""

from collections.abc import Sequence
from datetime import date

import msgspec

from fairway.core.completion import Assumption
from fairway.core.decision import AnyDecision
from fairway.core.facts import Waiver
from fairway.core.order import Order, order
from fairway.core.profile import Landscape, Profile
from fairway.core.registry import Room
from fairway.core.rule import Rule
from fairway.core.walk import PassedOver, Visit, walk


class NotApplicable(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that does not apply to a service, and why."""

    rule: str
    because: str


class Waived(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that applies and is waived, or a waiver that has run out or waives nothing."""

    rule: str
    reason: str
    owner: str
    expires: date
    remark: str = ""  # what is wrong with the waiver; empty while it holds


class ServicePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One service: its way through the stages and what follows from it."""

    name: str
    visits: tuple[Visit, ...]
    passed_over: tuple[PassedOver, ...]
    decisions: tuple[AnyDecision, ...]
    applies: tuple[str, ...]
    not_applicable: tuple[NotApplicable, ...]
    waived: tuple[Waived, ...]
    assumptions: tuple[Assumption, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The whole system: every service's plan, what is decided once, and the order of work."""

    system: str
    stages: tuple[str, ...]
    services: dict[str, ServicePlan]
    decisions: tuple[AnyDecision, ...]
    waived: tuple[Waived, ...]
    assumptions: tuple[Assumption, ...]
    order: Order


def plan(rooms: Sequence[Room], landscape: Landscape, today: date) -> Plan:
    """Plan the whole system as of *today*, which decides whether a waiver still holds."""
    assumed: dict[str, list[Assumption]] = {}
    for assumption in landscape.assumptions:
        assumed.setdefault(assumption.subject, []).append(assumption)
    services = {
        name: _service(rooms, landscape, profile, tuple(assumed.pop(f"service {name}", ())), today)
        for name, profile in landscape.services.items()
    }
    applied = {rule for service in services.values() for rule in service.applies}
    edges = [edge for room in rooms for edge in room.order(landscape)]
    return Plan(
        system=landscape.system.system,
        stages=tuple(room.stage.id for room in rooms),
        services=services,
        decisions=tuple(decision for room in rooms for decision in room.for_system(landscape)),
        waived=_waived(landscape.system.waivers, applied, today),
        assumptions=tuple(assumption for rest in assumed.values() for assumption in rest),
        order=order(edges),
    )


def _service(
    rooms: Sequence[Room], landscape: Landscape, profile: Profile, assumptions: tuple[Assumption, ...], today: date
) -> ServicePlan:
    applies: list[str] = []
    not_applicable: list[NotApplicable] = []
    owed: dict[str, bool] = {}
    for room in rooms:
        before = len(applies)
        for rule in room.rules:
            verdict = rule.applies(profile)
            if verdict.holds:
                applies.append(rule.id)
            else:
                not_applicable.append(NotApplicable(rule=rule.id, because=verdict.because))
        owed[room.stage.id] = len(applies) > before
    way = walk([room.stage for room in rooms], profile, owed)
    return ServicePlan(
        name=profile.name,
        visits=way.visits,
        passed_over=way.passed_over,
        decisions=tuple(decision for room in rooms for decision in room.for_service(profile, landscape)),
        applies=tuple(applies),
        not_applicable=tuple(not_applicable),
        waived=_waived(profile.facts.waivers, set(applies), today),
        assumptions=assumptions,
    )


def _waived(waivers: dict[str, Waiver], applied: set[str], today: date) -> tuple[Waived, ...]:
    return tuple(
        Waived(
            rule=rule,
            reason=waiver.reason,
            owner=waiver.owner,
            expires=waiver.expires,
            remark=_remark(waiver, applies=rule in applied, today=today),
        )
        for rule, waiver in waivers.items()
    )


def _remark(waiver: Waiver, *, applies: bool, today: date) -> str:
    if not applies:
        return "it waives nothing: the rule does not apply. Take it out"
    if waiver.expires < today:
        return f"it ran out on {waiver.expires}. Keep the rule, or give the waiver a new date and reason"
    return ""


def open_points(decisions: Sequence[AnyDecision]) -> tuple[AnyDecision, ...]:
    """Pick what is still unanswered or owed."""
    return tuple(decision for decision in decisions if decision.state != "decided")


def unchecked(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Pick the rules without a check: they count as not checked, never as passed."""
    return tuple(rule for rule in rules if not rule.checked)
