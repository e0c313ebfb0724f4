"""A schema validator's errors, said in sentences that name the field, what is wrong and what to do."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from fairway.core.errors import did_you_mean
from fairway.core.wording import Joint, listed
from fairway.estate.fault import Fault, Place, called, quoted

Schema: TypeAlias = dict[str, Any]
Resolve: TypeAlias = Callable[[Schema], Schema]

NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
# The patterns that custom resources repeat, by how they begin, with what they mean.
PATTERNS = {
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)": "a quantity, such as 500m or 2Gi",
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.": "a DNS name: lower-case letters, digits, '-' and '.'",
    r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.": "a DNS name: lower-case letters, digits, '-' and '.'",
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "a DNS label: lower-case letters, digits and '-'",
    r"^[-._a-zA-Z0-9]+$": "a key of letters, digits, '-', '_' and '.'",
    r"^([0-9]{1,5}(h|m|s|ms)){1,4}$": "a duration, such as 10s or 1h30m",
}
LONGEST_PATTERN = 80


class Reader:
    """Turns the errors about one object into faults; *document* is the schema they point into."""

    def __init__(self, kind: str, at: Callable[[Sequence[str | int]], Schema], resolve: Resolve) -> None:
        """Take the object's *kind*, a look-up of schemas by path, and one that follows a reference."""
        self.kind = kind
        self.at = at
        self.resolve = resolve

    def faults(self, errors: Iterable[ValidationError]) -> Iterator[Fault]:
        """Say each of *errors* once; a length and a pattern may both complain of an empty text."""
        yield from dict.fromkeys(fault for error in errors for fault in self.fault(error))

    def fault(self, error: ValidationError) -> Iterator[Fault]:
        """Say one *error*; unknown fields are one fault each."""
        path: Place = tuple(error.instance_path)
        name = called(path, self.kind)
        match error.kind:
            case Kind.AdditionalProperties(unexpected):
                yield from (self.unknown_field(path, field, error) for field in unexpected)
            case Kind.Required(field):
                yield Fault(path, f"{name} has no '{field}'.", f"Add '{field}'.")
            case Kind.Type(types):
                yield wrong_type(path, name, error.instance, types)
            case Kind.Enum(options):
                words = [str(option) for option in options]
                fix = did_you_mean(str(error.instance), words)
                yield Fault(path, f"{name} is {quoted(error.instance)}, which is not a value it can have.", fix)
            case Kind.Pattern() if error.instance == "":
                yield Fault(path, *empty(name))
            case Kind.Pattern(pattern):
                yield Fault(
                    path, f"{name} is {quoted(error.instance)}, which is not {meaning(pattern)}.", "Correct it."
                )
            case Kind.AnyOf(context) | Kind.OneOfNotValid(context):
                yield from self.no_branch(path, name, error, context)
            case Kind.OneOfMultipleValid() | Kind.Not():
                yield self.too_many(path, name, error)
            case Kind.PropertyNames(error=inner):
                yield Fault(
                    path, f"{name} has the key {quoted(inner.instance)}, which it cannot have.", "Rename the key."
                )
            case _:
                yield Fault(path, *limits(name, error.kind))

    def unknown_field(self, path: Place, field: str, error: ValidationError) -> Fault:
        """Say that *field* is not known where it stands, and where it or its like belongs."""
        fields = self.at(error.schema_path[:-1]).get("properties", {})
        return Fault((*path, field), f"{called(path, self.kind)} has no field '{field}'.", self.home(field, fields))

    def home(self, field: str, fields: dict[str, Schema]) -> str:
        """Find where *field* was meant to stand: under a neighbour (a slip of indentation), or under another name."""
        fix = did_you_mean(field, fields)
        if fix.startswith("Did"):
            return fix
        for neighbour, schema in fields.items():
            if field in self.resolve(schema).get("properties", {}):
                return f"It belongs under '{neighbour}'."
        return fix or "Remove it."

    def no_branch(
        self, path: Place, name: str, error: ValidationError, context: list[list[ValidationError]]
    ) -> Iterator[Fault]:
        """Say what would have satisfied one of several alternatives, of which none is met."""
        branches = [branch for branch in context if branch]
        firsts = [branch[0].kind for branch in branches]
        here = all(list(branch[0].instance_path) == list(path) for branch in branches)
        if here and all(isinstance(kind, Kind.Type) for kind in firsts):
            types = [word for kind in firsts if isinstance(kind, Kind.Type) for word in kind.types]
            yield wrong_type(path, name, error.instance, types)
            return
        wanted = [kind.property for kind in firsts if isinstance(kind, Kind.Required)]
        if wanted and all(isinstance(kind, Kind.Required | Kind.Not) for kind in firsts):
            yield Fault(path, f"{name} has none of {in_quotes(wanted)}.", f"Add {'it' if len(wanted) == 1 else 'one'}.")
            return
        # The alternative that came furthest is the one that was meant; a type that never fitted was not.
        fitting = [branch for branch in branches if not self.is_foreign(branch, path)] or branches
        if fitting:
            nearest: list[ValidationError] = min(fitting, key=_distance)
            yield from self.faults(nearest)

    @staticmethod
    def is_foreign(branch: list[ValidationError], path: Place) -> bool:
        """Tell whether *branch* wants another type of value altogether."""
        return any(isinstance(error.kind, Kind.Type) and tuple(error.instance_path) == path for error in branch)

    def too_many(self, path: Place, name: str, error: ValidationError) -> Fault:
        """Say which fields exclude one another."""
        schema = self.at(error.schema_path[:-1])
        branches = [*schema.get("oneOf", []), schema.get("not", {}), *schema.get("not", {}).get("anyOf", [])]
        known = {field for branch in branches for field in branch.get("required", [])}
        given = [field for field in error.instance if field in known] if isinstance(error.instance, dict) else []
        if len(given) > 1:
            return Fault(path, f"{name} has {in_quotes(given, 'and')}, which exclude one another.", "Keep one of them.")
        if given:
            return Fault(path, f"{name} has '{given[0]}', which it cannot have here.", "Remove it.")
        return Fault(path, f"{name} is {quoted(error.instance)}, which is not allowed here.", "Change it.")


def _distance(branch: list[ValidationError]) -> tuple[int, int]:
    """Order alternatives: the deeper the first error and the fewer there are, the nearer it is."""
    return -len(branch[0].instance_path), len(branch)


def in_quotes(words: Sequence[str], joint: Joint = "or") -> str:
    """Join *words* as a sentence does, each in quotes and once."""
    return listed((f"'{word}'" for word in dict.fromkeys(words)), joint)


def wrong_type(path: Place, name: str, value: object, types: Sequence[str]) -> Fault:
    """Say what *value* is and which of *types* it should be."""
    wanted = " or ".join(NAMES[word] for word in dict.fromkeys(types) if word in NAMES)
    if value is None:
        return Fault(path, f"{name} has no value, where {wanted} is needed.", "Give it a value, or remove the line.")
    if isinstance(value, bool | int | float):
        says = f"{name} is {quoted(value)}, where {wanted} is needed."
        as_text = "string" in types and not {"integer", "number"} & set(types)
        return Fault(path, says, f'Put it in quotes: "{quoted(value)}".' if as_text else "Correct it.")
    if isinstance(value, str):
        says = f"{name} is the text {quoted(value)}, where {wanted} is needed."
        number = {"integer", "number"} & set(types) and value.lstrip("-").isdigit()
        plain = number or ("boolean" in types and value in {"true", "false"})
        return Fault(path, says, f"Write {value} without quotes." if plain else "Correct it.")
    fix = "Begin each entry with '- '." if "array" in types else "Correct it, or check the indentation."
    return Fault(path, f"{name} is {quoted(value)}, where {wanted} is needed.", fix)


def meaning(pattern: str) -> str:
    """Say what text *pattern* wants."""
    known = next((words for start, words in PATTERNS.items() if pattern.startswith(start)), None)
    if known is None and len(pattern) > LONGEST_PATTERN:
        return "of the form its schema asks for"
    return known or f"of the form {pattern}"


def limits(name: str, kind: Kind) -> tuple[str, str]:
    """Say which limit of number, length or count is passed."""
    says, fix = f"{name} does not satisfy '{kind.name}' of its schema.", "See the documentation of this kind."
    match kind:
        case Kind.Minimum(limit) | Kind.ExclusiveMinimum(limit):
            says, fix = f"{name} is below its least value {limit}.", f"Write {limit} or more."
        case Kind.Maximum(limit) | Kind.ExclusiveMaximum(limit):
            says, fix = f"{name} is above its greatest value {limit}.", f"Write {limit} or less."
        case Kind.MinLength(1) | Kind.MinItems(1) | Kind.MinProperties(1):
            says, fix = empty(name)
        case Kind.MinLength(limit) | Kind.MinItems(limit) | Kind.MinProperties(limit):
            says, fix = f"{name} has fewer than {limit} {counted(kind)}.", "Add what is missing."
        case Kind.MaxLength(limit) | Kind.MaxItems(limit) | Kind.MaxProperties(limit):
            says, fix = f"{name} has more than {limit} {counted(kind)}.", "Shorten it."
        case Kind.Constant(expected):
            says, fix = f"{name} can only be {quoted(expected)}.", f"Write {expected}."
    return says, fix


def empty(name: str) -> tuple[str, str]:
    """Say that something must not be empty."""
    return f"{name} is empty.", "Fill it, or remove the line."


def counted(kind: Kind) -> str:
    """Say what a limit of *kind* counts."""
    return "characters" if isinstance(kind, Kind.MinLength | Kind.MaxLength) else "entries"
