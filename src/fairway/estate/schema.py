"""Whether an object fits the schema of its kind: built-in kinds of Kubernetes, and custom ones from a bundle."""

import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from fairway.core.errors import Problem, WrongInputError, did_you_mean
from fairway.estate.definitions import GZIP, LIST, builtin, builtin_groups, listed, referred
from fairway.estate.fault import Fault
from fairway.estate.keyed import keyed_duplicates, keyed_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jsonschema_rs import Draft202012Validator, Registry

Schema: TypeAlias = dict[str, Any]

BUILTIN = "kubernetes:definitions"  # the address under which custom schemas find the built-in definitions
METADATA = {"$ref": f"{BUILTIN}#/$defs/meta.v1.ObjectMeta"}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the schemas say of an object. One that is not `known` was not judged: no faults is then no praise."""

    known: bool
    faults: tuple[Fault, ...] = ()


class CustomSchema(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a custom kind; `schema` stays packed until an object asks for it."""

    scope: str
    plural: str
    served: bool
    storage: bool
    deprecated: bool
    source: str
    schema: msgspec.Raw


class Compiled(msgspec.Struct, frozen=True):
    """A schema ready for use: its validator, what errors point into, and the way to its keyed lists."""

    validator: "Draft202012Validator"
    schema: Schema
    keyed: Schema


class CustomSchemas:
    """Schemas of custom resources, by group/version/Kind, compiled when first used."""

    def __init__(self, kinds: dict[str, CustomSchema]) -> None:
        """Take *kinds* by group/version/Kind."""
        self.kinds = kinds
        self._compiled: dict[str, Compiled] = {}

    @classmethod
    def load(cls, path: Path) -> "CustomSchemas":
        """Read a bundle (JSON, packed by gzip or not); raises WrongInputError where it is none."""
        try:
            data = path.read_bytes()
            data = zlib.decompress(data, wbits=GZIP) if path.suffix == ".gz" else data
            return cls(msgspec.json.decode(data, type=dict[str, CustomSchema]))
        except (OSError, zlib.error, msgspec.MsgspecError) as error:
            says = f"is not a bundle of custom schemas: {error}."
            raise WrongInputError([Problem(file=str(path), line=0, says=says, fix="Name another file.")]) from error

    def compiled(self, key: str) -> Compiled:
        """Make the schema of *key* ready, 1 to 10 ms, once."""
        if key not in self._compiled:
            schema: Schema = msgspec.json.decode(self.kinds[key].schema)
            # A bundle leaves metadata open; it is Kubernetes' own in every kind.
            schema["properties"] = {**schema.get("properties", {}), "metadata": METADATA}
            self._compiled[key] = Compiled(_validator(schema), schema, keyed_lists(schema))
        return self._compiled[key]


def known(api_version: str, kind: str, *, custom: CustomSchemas | None = None) -> bool:
    """Tell whether anybody has a schema for *kind* of *api_version*."""
    key = f"{api_version}/{kind}"
    return key == LIST or key in builtin().kinds or (custom is not None and key in custom.kinds)


def problems(obj: object, *, custom: CustomSchemas | None = None) -> Verdict:
    """Judge a whole object (a patch is not one) by the strict schema of its kind."""
    if not isinstance(obj, dict):
        return Verdict(known=False, faults=(Fault((), "This is no Kubernetes object.", "Write a mapping."),))
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        field = "kind" if isinstance(api_version, str) else "apiVersion"
        return Verdict(known=False, faults=(Fault((), f"The object has no '{field}'.", f"Add '{field}'."),))
    key = f"{api_version}/{kind}"
    if key == LIST:
        return _all(obj, custom)
    if key in builtin().kinds:
        return Verdict(known=True, faults=_judged(obj, kind, _builtin(builtin().kinds[key])))
    if custom is not None and key in custom.kinds:
        compiled = custom.compiled(key)
        faults = (*_judged(obj, kind, compiled), *keyed_duplicates(obj, compiled.keyed))
        return Verdict(known=True, faults=(*_lifecycle(api_version, kind, custom.kinds), *faults))
    return Verdict(known=False, faults=_nonexistent(api_version, kind))


def _all(obj: Schema, custom: CustomSchemas | None) -> Verdict:
    """Judge the items of a List, which kubectl takes apart before it sends them."""
    verdicts = list(enumerate(problems(item, custom=custom) for item in listed(obj)))
    faults = (
        msgspec.structs.replace(fault, path=("items", index, *fault.path))
        for index, verdict in verdicts
        for fault in verdict.faults
    )
    return Verdict(known=all(verdict.known for _, verdict in verdicts), faults=tuple(faults))


def _lifecycle(api_version: str, kind: str, kinds: dict[str, CustomSchema]) -> tuple[Fault, ...]:
    """Report a version that is no longer served, or will not be for long."""
    entry = kinds[f"{api_version}/{kind}"]
    group = api_version.rpartition("/")[0]
    others = [
        key.rpartition("/")[0]
        for key, other in kinds.items()
        if other.served and not other.deprecated and key.startswith(f"{group}/") and key.endswith(f"/{kind}")
    ]
    fix = f"Use {max(others, key=_maturity)}." if others else "Ask the project for its successor."
    if not entry.served:
        return (Fault(("apiVersion",), f"{api_version} of {kind} is no longer served.", fix),)
    if entry.deprecated:
        return (Fault(("apiVersion",), f"{api_version} of {kind} is deprecated.", fix, remark=True),)
    return ()


def _nonexistent(api_version: str, kind: str) -> tuple[Fault, ...]:
    """Report a kind that Kubernetes does not have in one of its own groups; others may be anybody's."""
    group, _, version = api_version.rpartition("/")
    # Without a group only v1 and its like are Kubernetes'; other tools write a bare word there.
    if group not in builtin_groups() or not version[:2].removeprefix("v").isdigit():
        return ()
    says = f"Kubernetes {builtin().kubernetes} has no {kind} in {api_version}."
    elsewhere = sorted(key.rpartition("/")[0] for key in builtin().kinds if key.endswith(f"/{kind}"))
    if elsewhere:
        return (Fault(("apiVersion",), says, f"Use {max(elsewhere, key=_maturity)}."),)
    kinds = (key.rpartition("/")[2] for key in builtin().kinds if key.startswith(f"{api_version}/"))
    fix = did_you_mean(kind, (name for name in kinds if not name.endswith("List")))
    return (Fault(("kind",), says, fix or "Remove it, or see what has replaced it."),)


def _maturity(api_version: str) -> tuple[bool, bool, str]:
    """Order versions from alpha by beta to stable, and then by number."""
    version = api_version.rpartition("/")[2]
    return "alpha" not in version, "beta" not in version, version


@cache
def _registry() -> "Registry":
    """Hold the built-in definitions once, for all validators."""
    from jsonschema_rs import Registry  # noqa: PLC0415 - 10 ms that most commands never need

    return Registry([(BUILTIN, {"$defs": builtin().definitions})])


def _validator(schema: Schema) -> "Draft202012Validator":
    """Compile *schema*, which may refer to the built-in definitions."""
    from jsonschema_rs import Draft202012Validator  # noqa: PLC0415 - as above

    return Draft202012Validator(schema, registry=_registry())


@cache
def _builtin(name: str) -> Compiled:
    """Make the built-in definition *name* ready, 1 to 2 ms, once."""
    return Compiled(_validator({"$ref": f"{BUILTIN}#/$defs/{name}"}), {}, {})


def _judged(obj: Schema, kind: str, compiled: Compiled) -> tuple[Fault, ...]:
    """Say every error; a valid object never loads the words."""
    try:
        if compiled.validator.is_valid(obj):
            return ()
    except ValueError:  # a date, or a key that is no text: YAML has them, JSON and so Kubernetes has not
        obj = _as_json(obj)
    from fairway.estate.schema_words import Reader  # noqa: PLC0415 - only an invalid object needs it

    document = {"$defs": builtin().definitions}

    def at(path: "Sequence[str | int]") -> Schema:
        node: Any = document if path and path[0] == "$defs" else compiled.schema
        for step in path:
            node = node[step]
        return node if isinstance(node, dict) else {}

    def resolve(node: Schema) -> Schema:
        name = referred(node)
        return document["$defs"].get(name, node) if name else node

    return tuple(Reader(kind, at, resolve).faults(compiled.validator.iter_errors(obj)))


def _as_json(value: Any) -> Any:  # noqa: ANN401 - any YAML in, any JSON out
    """Write *value* as kubectl would send it: keys and odd scalars as text."""
    match value:
        case dict():
            return {str(key): _as_json(item) for key, item in value.items()}
        case list() | tuple() | set():
            return [_as_json(item) for item in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)
