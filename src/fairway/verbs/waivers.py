"""The waivers of a fairway.yaml, heard by an audit: for the services that they name, in the files below its folder."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from fairway.core.errors import Problem, WrongInputError
from fairway.estate.files import repository, shown_name
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.verbs.suppressions import Suppression

if TYPE_CHECKING:
    from fairway.core.facts import System, Waiver
    from fairway.declaration.load import Loaded

FACTS: Final = "fairway.yaml"
NAME: Final = "app.kubernetes.io/name"
SYSTEM: Final = "app.kubernetes.io/part-of"


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What all facts waive, and what is wrong with them."""

    waived: tuple[Suppression, ...] = ()
    problems: tuple[Problem, ...] = ()


def hear(
    named: Path | None,
    paths: Iterable[Path],
    estates: Sequence[Estate],
    rules: Collection[str],
    chosen: Collection[str],
) -> Heard:
    """Read the facts that are *named*, or else those among the files and above the *paths*; keep the *chosen* rules."""
    waived: list[Suppression] = []
    problems: list[Problem] = []
    for file in [named] if named else _found(paths, estates):
        from fairway.declaration.load import load  # noqa: PLC0415 - it takes long, and most estates have no facts

        try:
            loaded = load(file, frozenset(rules))
        except WrongInputError as error:
            problems += error.problems
            continue
        within = "*" if named else _below(file)
        waived += (one for one in _waived(loaded, estates, within) if one.rule in chosen)
    return Heard(waived=tuple(waived), problems=tuple(problems))


def _found(paths: Iterable[Path], estates: Sequence[Estate]) -> list[Path]:
    """Find the facts: below the paths those that were met there, and above each the nearest, up to its repository."""
    inside = {Path(file) for estate in estates for file in estate.stable if Path(file).name == FACTS}
    found = {os.path.realpath(file): file for file in inside if _whole(file)}
    for path in paths:
        root = Path(os.path.abspath(path))  # noqa: PTH100 - a link keeps the name under which the user knows it
        end = repository(root)
        if not (end / ".git").exists() and root.is_relative_to(Path.cwd()):
            end = Path.cwd()
        for folder in (root, *root.parents):
            if not folder.is_relative_to(end):
                break
            if (file := folder / FACTS).is_file():
                found.setdefault(os.path.realpath(file), Path(shown_name(str(file))))
                break
    return [file for _, file in sorted(found.items())]


def _whole(file: Path) -> bool:
    """Tell the facts of a system from a part that others include: only a whole one says the system's name."""
    try:
        return any(line.startswith(b"system:") for line in file.read_bytes().splitlines())
    except OSError:
        return False


def _below(file: Path) -> str:
    folder = file.parent.as_posix()
    return "*" if folder == "." else f"{escape(folder.rstrip('/'))}/*"


def _waived(loaded: "Loaded", estates: Sequence[Estate], within: str) -> Iterator[Suppression]:
    system = loaded.system
    for rule, waiver in system.waivers.items():
        yield _suppression(loaded, ("waivers", rule), waiver, within, None)
    waiving = {name: service.waivers for name, service in system.services.items() if service.waivers}
    owned = _owned(system, waiving, estates)
    for name, waivers in waiving.items():
        for rule, waiver in waivers.items():
            path = ("services", name, "waivers", rule)
            yield _suppression(loaded, path, waiver, within, frozenset(owned[name]))


def _suppression(
    loaded: "Loaded", path: tuple[str, ...], waiver: "Waiver", within: str, resources: frozenset[str] | None
) -> Suppression:
    file, line = loaded.sources.place(path)
    return Suppression(
        place=file,
        line=line,
        rule=path[-1],
        file=within,
        resources=resources,
        reason=f"{waiver.reason} ({waiver.owner})",
        until=waiver.expires,
        waives=f"service '{path[1]}'" if resources is not None else "the system",
    )


def _owned(system: "System", services: Collection[str], estates: Sequence[Estate]) -> Mapping[str, set[str]]:
    """Give for each of the services what findings about it name: its objects, those of its own stores, its files."""
    users: dict[str, list[str]] = {}
    for name, service in system.services.items():
        for store in service.stores:
            users.setdefault(store, []).append(name)
    owner = {name: name for name in system.services} | {s: who[0] for s, who in users.items() if len(who) == 1}
    owned: dict[str, set[str]] = {name: set() for name in services}
    for estate in estates:
        for resource in estate.own:
            name = owner.get(_called(resource, system.system, owner), "")
            if name in owned:
                owned[name].add(resource.id)
        for file in (*(one.file for one in estate.dockerfiles), *(one.file for one in estate.pipelines)):
            for part in {*Path(file).parent.parts, Path(file).stem} & owned.keys():
                owned[part].add(file)
    return owned


def _called(resource: Resource, system: str, known: Collection[str]) -> str:
    """Name the service or store that an object is of; in a tree that was built from facts, its name may say more."""
    called = resource.labels.get(NAME) or resource.name
    if called in known or resource.labels.get(SYSTEM) != system:
        return called
    return max((name for name in known if called.startswith(f"{name}-")), key=len, default=called)
