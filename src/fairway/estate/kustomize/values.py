"""Values that know their lines, copied, marked with another file, and made anew."""

from collections.abc import Callable, Iterable, Iterator

from fairway.yaml.reader import Line, Mapping, Sequence, Value


def copied(value: Value) -> Value:
    """Copy all of it; lines stay."""
    if isinstance(value, Mapping):
        twin = Mapping({key: copied(item) for key, item in value.items()})
        twin.line, twin.lines = value.line, dict(value.lines)
        return twin
    if isinstance(value, Sequence):
        row = Sequence(map(copied, value))
        row.line, row.lines = value.line, list(value.lines)
        return row
    return value


def moved(value: Value, file: str, place: Callable[[int], int] = int) -> Value:
    """Copy all of it, with every line as the one of *file* that *place* gives for it."""
    if isinstance(value, Mapping):
        twin = Mapping({key: moved(item, file, place) for key, item in value.items()})
        twin.line = Line.of(place(value.line), file)
        twin.lines = {key: Line.of(place(line), file) for key, line in value.lines.items()}
        return twin
    if isinstance(value, Sequence):
        row = Sequence(moved(item, file, place) for item in value)
        row.line = Line.of(place(value.line), file)
        row.lines = [Line.of(place(line), file) for line in value.lines]
        return row
    return value


def mapping(line: int, **items: Value) -> Mapping:
    """Make a mapping, all of one line."""
    made = Mapping(items)
    made.line, made.lines = line, dict.fromkeys(items, line)
    return made


def sequence(items: Iterable[Value], line: int) -> Sequence:
    """Make a list, all of one line."""
    made = Sequence(items)
    made.line, made.lines = line, [line] * len(made)
    return made


def put(target: Mapping, key: str, value: Value, line: int) -> None:
    """Set a key, as written at *line*."""
    target[key] = value
    target.lines[key] = line


def inner(target: Mapping, key: str, line: int) -> Mapping:
    """Go down to the mapping at *key*, made where it is not there."""
    found = target.get(key)
    if not isinstance(found, Mapping):
        found = mapping(line)
        put(target, key, found, line)
    return found


def walked(value: Value, *path: str) -> Iterator[Mapping]:
    """Give every mapping at a path; a step `x[]` goes through the list at x."""
    if not path:
        if isinstance(value, Mapping):
            yield value
        return
    if not isinstance(value, Mapping):
        return
    step, rest = path[0], path[1:]
    below = value.get(step.removesuffix("[]"))
    if step.endswith("[]"):
        for item in below if isinstance(below, Sequence) else ():
            yield from walked(item, *rest)
    else:
        yield from walked(below, *rest)
