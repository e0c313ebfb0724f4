"""Load fairway.yaml with all that it includes, or say everything that is wrong with it at once."""

from pathlib import Path

import msgspec

from fairway.core.errors import Problem, WrongInputError
from fairway.core.facts import System
from fairway.declaration import contradictions, includes, references
from fairway.declaration.sources import Sources, unite
from fairway.declaration.suggestions import Suggestions


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A system, and where each of its facts is declared."""

    system: System
    sources: Sources
    root: Path


def load(path: Path, rule_ids: frozenset[str] = frozenset()) -> Loaded:
    """Load the system of *path*, a file or the folder of a fairway.yaml; raise WrongInputError with every problem.

    Waivers are checked against *rule_ids* where there are any: the core does not know the rules. References are
    checked even where other facts are faulty, as long as every name that is declared is known.
    """
    suggestions = Suggestions()
    reading = includes.read(path, suggestions)
    if not reading.parts:
        raise WrongInputError(reading.problems)
    sources, value, twice = unite(reading.parts)
    problems = {*reading.problems, *twice, *(problem for part in reading.parts for problem in part.shape.problems)}
    if "system" not in sources.said and not reading.problems:
        fix = "Add 'system:' with its name."
        problems.add(Problem(file=sources.root, line=1, says="the system has no name.", fix=fix))
    system = msgspec.convert({"system": "unnamed", **value}, System)
    if reading.whole and all(part.shape.legible for part in reading.parts):
        problems.update(references.problems(system, sources, rule_ids, suggestions))
        problems.update(contradictions.problems(system, sources, sound=sources.sound and not reading.problems))
    if problems:
        raise WrongInputError(sorted(problems))
    return Loaded(system=system, sources=sources, root=reading.root)
