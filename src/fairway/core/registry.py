"""Find every room and every rule by their files. A file that is not as it must be stops the program."""

import pkgutil
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from inspect import cleandoc
from types import ModuleType

import msgspec

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.decision import AnyDecision
from fairway.core.errors import BadRegistryError
from fairway.core.order import Before
from fairway.core.parts import Bind, Carry, Part
from fairway.core.profile import Landscape, Profile
from fairway.core.rule import Rule
from fairway.core.stage import Stage

UNSEEN = "Not in files:"
"""How the last paragraph of a rule's docstring begins that says why the rule has no check."""
NOT_RULES = frozenset({"binding", "build", "decisions", "order", "traffic"})


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A stage with its rules and what it decides."""

    stage: Stage
    package: str
    question: str
    rules: tuple[Rule, ...]
    for_service: Callable[[Profile, Landscape], Iterable[AnyDecision]]
    for_system: Callable[[Landscape], Iterable[AnyDecision]]
    order: Callable[[Landscape], Iterable[Before]]


class Builder(msgspec.Struct, frozen=True, kw_only=True):
    """What a room builds for one site: notes on workloads, objects of its own; and pages for the whole system.

    `bind` tells one running service what the room decided for it, `carry` the proxies around it.
    """

    bind: Callable[[Profile, Landscape, Site], Iterable[Bind]]
    carry: Callable[[Profile, Landscape, Site], Iterable[Carry]]
    parts: Callable[[Landscape, Site], Iterable[Part]]
    manifests: Callable[[Landscape, Site], Iterable[Manifest]]
    pages: Callable[[Landscape], Iterable[Page]]


def rooms(package: ModuleType) -> tuple[Room, ...]:
    """Import every room below *package*, in the order of the standard."""
    found = tuple(_room(import_module(name)) for name in _children(package))
    _lands([room.stage for room in found])
    return found


def rule_by_id(found: Iterable[Room]) -> dict[str, Rule]:
    """Index the rules of all rooms."""
    return {rule.id: rule for room in found for rule in room.rules}


def builders(found: Iterable[Room]) -> tuple[Builder, ...]:
    """Import what the rooms build, in their order; a room without build.py or binding.py builds nothing of that."""
    return tuple(_builder(import_module(room.package)) for room in found)


def _builder(room: ModuleType) -> Builder:
    names = _children(room)
    built, bound, carried = (_part(room, names, part) for part in ("build", "binding", "traffic"))
    return Builder(
        bind=getattr(bound, "bind", _nothing),
        carry=getattr(carried, "carry", _nothing),
        parts=getattr(built, "parts", _nothing),
        manifests=getattr(built, "manifests", _nothing),
        pages=getattr(built, "pages", _nothing),
    )


def _room(module: ModuleType) -> Room:
    stage = getattr(module, "STAGE", None)
    if not isinstance(stage, Stage):
        raise BadRegistryError(f"{module.__name__} has no STAGE. Add one: every folder in stages/ is a room.")
    names = _children(module)
    decisions = _part(module, names, "decisions")
    order = _part(module, names, "order")
    return Room(
        stage=stage,
        package=module.__name__,
        question=cleandoc(module.__doc__ or ""),
        rules=tuple(_rules(stage, names)),
        for_service=getattr(decisions, "for_service", _nothing),
        for_system=getattr(decisions, "for_system", _nothing),
        order=getattr(order, "order", _nothing),
    )


def _nothing(*_: object) -> tuple[()]:
    """Decide nothing: the room is silent here."""
    return ()


def _part(module: ModuleType, names: list[str], part: str) -> ModuleType | None:
    name = f"{module.__name__}.{part}"
    return import_module(name) if name in names else None


def _rules(stage: Stage, names: list[str]) -> Iterator[Rule]:
    for name in names:
        stem = name.rpartition(".")[2]
        if stem in NOT_RULES:
            continue
        module = import_module(name)
        rule = getattr(module, "RULE", None)
        if not isinstance(rule, Rule):
            raise BadRegistryError(f"{name} has no RULE. Add one, or move the file out of the room.")
        expected = f"{stage.id}/{stem.replace('_', '-')}"
        if rule.id != expected:
            raise BadRegistryError(f"{name} holds rule {rule.id}. Rename the rule to {expected}, or the file.")
        title, _, why = cleandoc(module.__doc__ or "").partition("\n")
        if not title or not why.strip():
            raise BadRegistryError(f"{name} does not say its title and why. Write both in its docstring.")
        why, _, unseen = why.partition(UNSEEN)
        if unseen and rule.checked:
            raise BadRegistryError(f"{name} says that it is not in files, and has a check. Take one of them out.")
        yield msgspec.structs.replace(
            rule,
            title=title.rstrip("."),
            why=why.strip(),
            not_in_files=" ".join(unseen.split()),
            path=f"src/{name.replace('.', '/')}.py",
        )


def _children(package: ModuleType) -> list[str]:
    return sorted(info.name for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))


def _lands(stages: list[Stage]) -> None:
    """Refuse a stage that is there twice, or an edge to a stage that is not there."""
    ids = [stage.id for stage in stages]
    if twice := {name for name in ids if ids.count(name) > 1}:
        raise BadRegistryError(f"Stage {min(twice)} is there twice. Give one of them another id.")
    for stage in stages:
        targets = [*(d.to for d in stage.detours), *(j.to for j in stage.jumps), *(n.stage for n in stage.needs)]
        if stage.then:
            targets.append(stage.then)
        for target in targets:
            if target not in ids:
                raise BadRegistryError(f"Stage {stage.id} leads to {target}, which is not there. Name one of {ids}.")
