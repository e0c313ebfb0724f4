"""The plan as text, for a person who is tired."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fairway.core.completion import Assumption
from fairway.core.decision import AnyDecision
from fairway.core.profile import Landscape, Profile
from fairway.core.rule import Rule
from fairway.core.wording import listed, many
from fairway.verbs.plan import NotApplicable, Plan, ServicePlan, Waived, open_points
from fairway.verbs.rules import uncovered

WIDTH = 110
COLUMN = 8
MANY = 40  # services that a person reads through; beyond that the plan shows each on one line
GLUE = "\0"  # stands for a space where no line may end; no declared text can hold it


def plan_text(
    plan: Plan, landscape: Landscape, rules: Mapping[str, Rule], *, only: str | None = None, full: bool = False
) -> str:
    """Write the whole plan, or the part about one service; *full* adds reasons and what was not chosen."""
    if only is not None:
        return "\n".join(_service(plan.services[only], landscape.services[only], (), full=True)) + "\n"
    lines = [*_overview(plan, landscape)]
    if len(plan.services) <= MANY:
        shared = () if full else _shared(plan)
        if shared:
            lines += ["", *_shared_text(shared)]
        for name, service in plan.services.items():
            lines += ["", *_service(service, landscape.services[name], shared, full=full)]
    else:
        lines += ["", f"More than {MANY} services: '--service NAME' shows one in full, '--format json' all of them."]
    lines += ["", *_system(plan, full=full), "", *_order(plan), "", *_open(plan), "", *_summary(plan, rules)]
    return "\n".join(lines) + "\n"


def _overview(plan: Plan, landscape: Landscape) -> Iterator[str]:
    """Draw a grid: in which order each service visits the stages."""
    system = landscape.system
    places = f"{listed(list(system.environments))}, {listed(list(system.regions))}"
    yield f"{plan.system}: {many(len(plan.services), 'service')} in {places}"
    yield ""
    width = max(len(name) for name in plan.services)
    heads = (stage.title() if len(stage) <= COLUMN - 1 else stage.title()[: COLUMN - 2] + "." for stage in plan.stages)
    yield f"  {'':<{width}}  {''.join(f'{head:<{COLUMN}}' for head in heads)}".rstrip()
    for name, service in plan.services.items():
        yield f"  {name:<{width}}  {''.join(f'{cell:<{COLUMN}}' for cell in _cells(plan.stages, service))}".rstrip()
    yield ""
    yield from _fill(
        "Numbers tell the order of the visits: out of turn after a jump. '+' is a detour from there, '-' passed over.",
        "  ",
    )


def _cells(stages: Sequence[str], service: ServicePlan) -> Iterator[str]:
    cells = dict.fromkeys(stages, "-")
    here, number = "", 0
    for visit in service.visits:
        if visit.concern is None:
            here, number = visit.stage, number + 1
            cells[here] = str(number)
        else:
            cells[here] += "+"
    yield from cells.values()


def _shared(plan: Plan) -> tuple[AnyDecision, ...]:
    """Pick the decisions that are the same for every service, word for word."""
    if len(plan.services) == 1:
        return ()
    first, *others = plan.services.values()
    return tuple(
        decision
        for decision in first.decisions
        if decision.state == "decided" and all(decision in other.decisions for other in others)
    )


def _shared_text(shared: Sequence[AnyDecision]) -> Iterator[str]:
    yield _rule("every service")
    yield from _decisions(shared, full=False)


def _service(service: ServicePlan, profile: Profile, shared: Sequence[AnyDecision], *, full: bool) -> Iterator[str]:
    facts = profile.facts
    yield _rule(service.name)
    yield from _fill(facts.capability or "(no capability declared)", "   ")
    role = [
        "exposed externally" if profile.exposed else "internal",
        "stateful" if profile.stateful else "stateless",
        facts.criticality,
        *(["customer-facing"] if facts.customer_facing else []),
        *(["runs to completion"] if profile.runs_to_completion else []),
        *([f"owned by {facts.owner}"] if facts.owner else []),
    ]
    yield f"   {', '.join(role)}"
    yield from _way(service)
    yield from _decisions([decision for decision in service.decisions if decision not in shared], full=full)
    if points := open_points(service.decisions):
        yield ""
        yield "   Open"
        yield from _points(points, "     ")
    yield from _waived(service.waived)
    yield from _assumptions(service.assumptions)
    yield from _not_applicable(service.not_applicable)


def _way(service: ServicePlan) -> Iterator[str]:
    yield ""
    yield "   Way"
    number = 0
    for visit in service.visits:
        if visit.concern is not None:
            yield from _fill(
                f"↳ {visit.stage}: {visit.concern}, because {visit.because}; then back", "         ", "           "
            )
            continue
        number += 1
        if visit.jumped:
            yield from _fill(f"» jump to {visit.stage}, because {visit.because}", "       ", "         ")
        elif visit.because.startswith("it was postponed"):
            yield from _fill(f"« back to {visit.stage}: {visit.because}", "       ", "         ")
        note = "  (none of its rules applies)" if visit.idle else ""
        yield f"   {number:>4}  {visit.stage}{note}"
    for skipped in service.passed_over:
        yield f"      -  {skipped.stage} is passed over: {skipped.because}"


def _decisions(decisions: Sequence[AnyDecision], *, full: bool) -> Iterator[str]:
    """Write what is decided, by stage, and within a stage by what it is about."""
    stages: dict[str, dict[str, list[AnyDecision]]] = {}
    for decision in decisions:
        if decision.state == "decided":
            subjects = stages.setdefault(decision.rule.partition("/")[0], {})
            subjects.setdefault(decision.subject, []).append(decision)
    if stages:
        yield ""
        yield "   Decisions"
    for stage, subjects in stages.items():
        yield f"     {stage}"
        for subject, about in subjects.items():
            if not subject or len(about) == 1:
                for decision in about:
                    yield from _decision(
                        decision, ", ".join(filter(None, (decision.topic, subject))), "       ", full=full
                    )
                continue
            yield f"       {subject}"
            for decision in about:
                yield from _decision(decision, decision.topic, "         ", full=full)


def _decision(decision: AnyDecision, topic: str, indent: str, *, full: bool) -> Iterator[str]:
    inner = indent + "  "
    yield from _fill(f"{topic}: {decision.answer}", indent, inner)
    if full:
        yield from _fill(f"because {decision.because}  [{decision.rule}]", inner)
        for instead in decision.instead:
            yield from _fill(f"not {instead.option}: {instead.why}", inner, inner + "  ")


def _points(points: Iterable[AnyDecision], indent: str) -> Iterator[str]:
    for point in points:
        sign = "?" if point.state == "unanswered" else "!"
        about = f"{point.subject}: " if point.subject else ""
        yield from _fill(f"{sign} {about}{point.answer}", indent, indent + "  ")
        yield from _fill(f"{point.because}  [{point.rule}]", indent + "  ", indent + "  ")


def _waived(waived: Sequence[Waived]) -> Iterator[str]:
    if waived:
        yield ""
        yield "   Waived"
    for waiver in waived:
        remark = f" — but {waiver.remark}." if waiver.remark else ""
        said = f"{waiver.rule}, until {waiver.expires}, by {waiver.owner}: {waiver.reason}{remark}"
        yield from _fill(said, "     ", "       ")


def _assumptions(assumptions: Sequence[Assumption]) -> Iterator[str]:
    if assumptions:
        yield ""
        yield "   Assumed, where the facts are silent"
    for assumption in assumptions:
        yield from _fill(f"{assumption.says}, because {assumption.because}", "     ", "       ")


def _not_applicable(rules: Sequence[NotApplicable]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for rule in rules:
        reasons.setdefault(rule.because, []).append(rule.rule)
    if reasons:
        yield ""
        yield f"   Not applicable: {many(len(rules), 'rule')}"
    for because, names in reasons.items():
        yield from _fill(f"because {because}: {', '.join(names)}", "     ", "       ")


def _system(plan: Plan, *, full: bool) -> Iterator[str]:
    yield _rule(f"the system {plan.system}")
    yield from _decisions(plan.decisions, full=full)
    yield from _waived(plan.waived)
    subjects: dict[str, list[Assumption]] = {}
    for assumption in plan.assumptions:
        subjects.setdefault(assumption.subject, []).append(assumption)
    if subjects:
        yield ""
        yield "   Assumed, where the facts are silent"
    for subject, assumed in subjects.items():
        for assumption in assumed:
            about = "" if subject == "system" else f"{subject}: "
            yield from _fill(f"{about}{assumption.says}, because {assumption.because}", "     ", "       ")


def _order(plan: Plan) -> Iterator[str]:
    yield _rule("the order of work")
    yield "   Everything under a number may be done at once, after all that stands above it."
    for number, wave in enumerate(plan.order.waves, 1):
        kinds: dict[str, list[str]] = {}
        for piece in wave:
            kind, _, name = piece.partition("/")
            kinds.setdefault(kind, []).append(name)
        for position, (kind, names) in enumerate(kinds.items()):
            every = len(names) > 1 and set(names) == set(plan.services)
            about = "of every service" if every else ", ".join(filter(None, names))
            head = f"{number:>5}  " if position == 0 else " " * 7
            yield from _fill(f"{kind}: {about}" if about else kind, head, " " * 9)


def _open(plan: Plan) -> Iterator[str]:
    yield _rule("open")
    about = [
        ("", open_points(plan.decisions)),
        *((name, open_points(s.decisions)) for name, s in plan.services.items()),
    ]
    if not any(points for _, points in about):
        yield "   Nothing: every question is answered, nothing is owed."
    for name, points in about:
        if points:
            yield f"   {name or 'the system'}"
            yield from _points(points, "     ")


def _summary(plan: Plan, rules: Mapping[str, Rule]) -> Iterator[str]:
    points = [*open_points(plan.decisions), *(p for s in plan.services.values() for p in open_points(s.decisions))]
    decided = len(plan.decisions) + sum(len(s.decisions) for s in plan.services.values()) - len(points)
    unanswered = sum(point.state == "unanswered" for point in points)
    assumed = len(plan.assumptions) + sum(len(s.assumptions) for s in plan.services.values())
    yield (
        f"{many(decided, 'decision')}, {many(assumed, 'assumption')}, {unanswered} unanswered, "
        f"{len(points) - unanswered} owed. "
        f"{len(rules)} rules; {uncovered(tuple(rules.values()))}: these count as not checked."
    )
    yield "'fairway plan --service NAME' says why for one service, and what was not chosen; '--full' for all of them."


def _fill(text: str, indent: str, rest: str | None = None) -> Iterator[str]:
    """Break *text* into lines of WIDTH at spaces. The standard library's wrap is five times slower on a large plan."""
    line = indent
    fresh = True
    for word in text.replace(" %", f"{GLUE}%").split():  # a number and its sign stay on one line
        if not fresh and len(line) + 1 + len(word) > WIDTH:
            yield line.replace(GLUE, " ")
            line, fresh = indent if rest is None else rest, True
        line += word if fresh else f" {word}"
        fresh = False
    yield line.replace(GLUE, " ")


def _rule(title: str) -> str:
    return f"━━ {title} " + "━" * max(3, WIDTH - 4 - len(title))
