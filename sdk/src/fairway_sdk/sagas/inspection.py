"""Look at a saga's class once, and say in sentences everything that would go wrong when it runs."""

import inspect
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct
from msgspec import inspect as shapes

from fairway_sdk.sagas.definition import MARK, Definition, Options, Saga, Step, Undo
from fairway_sdk.sagas.errors import DefinitionError

STEP_TAKES = ("key", "results", "tx")
UNDO_TAKES = ("key", "result", "results", "tx")
NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
LONGEST_STEP = 60  # characters
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def define(kind: type[Saga[Any]]) -> Definition | None:
    """Give a class's definition; none for a parent of sagas, which leaves its input's type open."""
    given = _input_type(kind)
    found = {name: (method, getattr(method, MARK)) for name, method in _methods(kind).items() if hasattr(method, MARK)}
    if isinstance(given, TypeVar):
        return None
    faults = list(_class_faults(kind, given, found))
    steps: dict[str, Step] = {}
    for place, (name, (method, options)) in enumerate(found.items(), 1):
        faults += _step_faults(kind, name, options, last=place == len(found))
        steps[name] = _step(kind, name, method, options, faults)
    if not faults:
        faults += _personal_faults(kind, given, steps)
    if faults:
        raise DefinitionError("\n".join(f"{kind.__qualname__}: {fault}" for fault in faults))
    return Definition(name=_name(kind), person=kind.person, input=given, steps=steps, saga=kind())


def _methods(kind: type) -> dict[str, Any]:
    """Give methods in the order of the text, parents' first; a child's method takes its parent's place."""
    found: dict[str, Any] = {}
    for parent in reversed(kind.__mro__):
        found |= {name: value for name, value in vars(parent).items() if inspect.isfunction(value)}
    return found


def _input_type(kind: type) -> Any:
    """Find what stands in `Saga[...]`, through parents that leave it open."""
    for parent in getattr(kind, "__orig_bases__", ()):
        origin = get_origin(parent)
        if inspect.isclass(origin) and issubclass(origin, Saga):
            return get_args(parent)[0]
    for parent in kind.__bases__:
        if issubclass(parent, Saga) and parent is not Saga:
            return _input_type(parent)
    return None


def _name(kind: type[Saga[Any]]) -> str:
    return vars(kind).get("name") or WORDS.sub("-", kind.__name__).lower()


def _class_faults(kind: type[Saga[Any]], given: Any, steps: dict[str, Any]) -> Iterator[str]:
    if not steps:
        yield "has no step. Decorate its methods with @step, in the order in which they run."
    if not NAME.fullmatch(_name(kind)):
        yield f"the name '{_name(kind)}' does not fit: small letters, digits and hyphens, 63 at most. Set `name`."
    if given is None:
        yield "says not what it is started with. Write class Checkout(Saga[NewOrder])."
    elif isinstance(given, str) or (unfit := _unfit(given)):
        what = given if isinstance(given, str) else unfit
        yield (
            f"its input holds {what}, which JSON cannot keep over a crash."
            " Take a msgspec Struct or a builtin type, known where the class is made."
        )
    elif kind.person and kind.person not in getattr(given, "__struct_fields__", ()):
        yield (
            f"person = '{kind.person}' is no field of {_title(given)}."
            f" {_meant(kind.person, getattr(given, '__struct_fields__', ()))}"
        )


def _step_faults(kind: type, name: str, options: Options, *, last: bool) -> Iterator[str]:
    takes_tx = "tx" in inspect.signature(_methods(kind)[name]).parameters
    if not options.undo_said and not (last and takes_tx):
        why = "its answer can be lost" if last else "a later step may fail"
        yield (
            f"step '{name}' says not how it is undone, and {why}."
            " Name its way back, @step(undo=...); or write undo=None where there is nothing to take back."
        )
    if len(name) > LONGEST_STEP or not name.isascii():
        yield f"step '{name}': its name goes into keys. Use {LONGEST_STEP} ASCII letters at most."
    if options.retries is not None and options.retries < 0:
        yield f"step '{name}': retries={options.retries!r}. Give the number of further tries, from 0."
    if options.timeout is not None and not options.timeout > 0:
        yield f"step '{name}': timeout={options.timeout!r}. Give seconds, more than 0."


def _step(kind: type, name: str, method: Callable[..., Any], options: Options, faults: list[str]) -> Step:
    faults += _method_faults("step", name, method, STEP_TAKES)
    undo = None
    if options.undo is not None:
        way_back = _methods(kind).get(options.undo)
        if way_back is None:
            others = [other for other, found in _methods(kind).items() if not hasattr(found, MARK) and other[0] != "_"]
            faults.append(f"step '{name}': its undo '{options.undo}' does not exist. {_meant(options.undo, others)}")
        elif hasattr(way_back, MARK):
            faults.append(f"step '{name}': its undo '{options.undo}' is a step itself. Give it a method of its own.")
        else:
            faults += _method_faults("undo", options.undo, way_back, UNDO_TAKES)
            undo = Undo(name=options.undo, act=way_back, takes=_takes(way_back))
    result = _result_type(kind, name, method, faults)
    return Step(
        name=name,
        act=method,
        takes=_takes(method),
        undo=undo,
        retries=options.retries,
        timeout=options.timeout,
        declines=options.declines,
        result=result,
    )


def _takes(method: Callable[..., Any]) -> frozenset[str]:
    return frozenset(list(inspect.signature(method).parameters)[2:])


def _method_faults(what: str, name: str, method: Callable[..., Any], allowed: tuple[str, ...]) -> Iterator[str]:
    if not inspect.iscoroutinefunction(method):
        yield f"{what} '{name}' is not async. Write async def {name}(...)."
    parameters = list(inspect.signature(method).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) < 2 or any(found.kind not in positional for found in parameters[:2]):  # noqa: PLR2004
        yield f"{what} '{name}' takes not the saga's input. Write async def {name}(self, order, ...)."
        return
    if parameters[1].name in allowed:
        yield f"{what} '{name}': the saga's input comes first, and '{parameters[1].name}' stands there. Put it before."
    for found in parameters[2:]:
        if found.name not in allowed or found.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            yield (
                f"{what} '{name}' takes '{found.name}', which nobody gives it. It may take: {', '.join(allowed)}."
                f" {_meant(found.name, allowed)}".rstrip()
            )
        elif found.kind == inspect.Parameter.POSITIONAL_ONLY:
            yield f"{what} '{name}': '{found.name}' is given by name. Write it after the slash."


def _result_type(kind: type, name: str, method: Callable[..., Any], faults: list[str]) -> Any:
    hint = getattr(method, "__annotations__", {}).get("return", Any)
    only = SimpleNamespace(__annotations__={"return": hint})
    try:
        found = get_type_hints(only, getattr(method, "__globals__", {}), dict(vars(kind)), include_extras=True)[
            "return"
        ]
    except NameError as error:
        faults.append(
            f"step '{name}': the type of its result, {hint}, is not known at run time: {error}."
            " Import it where the module runs, not under TYPE_CHECKING only."
        )
        return Any
    if unfit := _unfit(found):
        faults.append(
            f"step '{name}' returns {unfit}, which JSON cannot keep over a crash."
            " Return a msgspec Struct or a builtin type with what undoing it needs."
        )
    return found


def _unfit(kind: Any) -> str:
    """Name the first type within a type that msgspec does not know; empty where it knows all."""
    try:
        pending: list[Any] = [shapes.type_info(kind)]
    except TypeError:
        return _title(kind)
    seen: set[int] = set()
    while pending:
        found = pending.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, shapes.CustomType):
            return _title(found.cls)
        if isinstance(found, tuple | list):
            pending += found
        elif isinstance(found, shapes.Type | shapes.Field):
            pending += [getattr(found, field) for field in found.__struct_fields__ if field not in {"default", "cls"}]
    return ""


def _personal_faults(kind: type[Saga[Any]], given: Any, steps: dict[str, Step]) -> Iterator[str]:
    from fairway_sdk.personal.marks import has_personal

    holders = {"its input": given} | {f"what step '{name}' returns": found.result for name, found in steps.items()}
    for what, holder in holders.items():
        if holder is Any or not has_personal(holder):
            continue
        if not (inspect.isclass(holder) and issubclass(holder, Struct)):
            yield f"{what} has personal fields within {_title(holder)}. Only a msgspec Struct can be sealed: take one."
        elif not kind.person:
            yield f"{what} has personal fields, and nothing says whose. Set `person` to the input's field that does."


def _title(kind: Any) -> str:
    return kind.__name__ if inspect.isclass(kind) else str(kind)


def _meant(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"Did you mean '{near[0]}'?" if near else ""
