"""Whether Kubernetes would take the objects of an estate: their schemas, and what a schema cannot see."""

import msgspec

from fairway.core.errors import Problem
from fairway.estate import schema, semantics
from fairway.estate.fault import Fault, Place
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.yaml.reader import Mapping, Sequence, Value, file_of


class Validity(msgspec.Struct, frozen=True, kw_only=True):
    """What Kubernetes refuses, and what it takes though it was hardly meant."""

    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...]


def judge(estate: Estate) -> Validity:
    """Judge every object by the schema of its kind, where it has one. A line with a problem is not named twice."""
    named = {(problem.file, problem.line) for problem in estate.problems}
    refused: set[Problem] = set()
    remarks: set[Problem] = set()
    for resource in estate.own:
        value = resource.root.value
        if isinstance(value.get("sops"), Mapping):
            continue  # it is decrypted before it is applied: what stands here is no value of it
        for fault in (*schema.problems(value).faults, *semantics.faults(value)):
            if fault.remark and estate.tool == "Helm" and _value(value, fault.path) is None:
                continue  # a key whose list or mapping is empty by default: any chart has some
            line = resource.at(fault.path)
            file = file_of(line, resource.file)
            if fault.remark or (file, line) not in named:
                says, fix = _words(resource, fault)
                problem = Problem(file=file, line=int(line), says=f"{resource.id}: {says}", fix=fix)
                (remarks if fault.remark else refused).add(problem)
    return Validity(problems=tuple(sorted(refused)), remarks=tuple(sorted(remarks)))


def _value(value: Value, path: Place) -> Value:
    for step in path:
        if isinstance(value, Mapping) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, Sequence) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _words(resource: Resource, fault: Fault) -> tuple[str, str]:
    """Give the words of a fault; what is wrong inside a Secret is said without its value."""
    path = fault.path
    if resource.kind != "Secret" or len(path) <= 1 or path[0] not in {"data", "stringData"}:
        return fault.says, fault.fix
    wanted = "base64" if path[0] == "data" else "text"
    return (
        f"'{path[1]}' under '{path[0]}' is no {wanted}. Its value is not shown.",
        "Quote it; text goes under 'stringData'.",
    )
