"""What the log says of an exception: what it was and where it came from, not what it said."""

import traceback

from fairway_sdk.errors import FairwayError

DEEPEST = 6  # causes
WIDEST = 5  # members of a group
FRAMES = 30


def describe(error: BaseException, *, messages: bool) -> str:
    """Write an exception and its causes as text: class, then frames, the innermost last.

    A foreign exception's message may quote anything: a database's names the row that was there already, a parser's the
    value it could not read. So it is left out unless asked for; the SDK's own messages name no person.
    """
    parts: list[str] = []
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen and len(seen) < DEEPEST:
        seen.add(id(found))
        parts.append(_one(found, messages=messages))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\n\ncaused by: ".join(parts)


def _one(error: BaseException, *, messages: bool) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    title = f"{name}: {error}" if messages or isinstance(error, FairwayError) else name
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    lines = [title, *(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)]
    if isinstance(error, BaseExceptionGroup):
        lines += [f"with: {_one(member, messages=messages)}" for member in error.exceptions[:WIDEST]]
    return "\n".join(lines)
