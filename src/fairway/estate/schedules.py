"""The schedules of CronJobs, as Kubernetes' own parser reads them."""

import re

import msgspec


class Part(msgspec.Struct, frozen=True):
    """One of a schedule's five parts, with its limits and the English words it takes instead of numbers."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        """Read a number or word of this part."""
        if text.isascii() and text.isdigit():
            return int(text)
        return self.words.index(text.lower()) + self.least if text.lower() in self.words else None

    def takes(self, item: str) -> bool:
        """Tell whether *item* is a star, a number or a range, with or without a step."""
        span, slash, step = item.partition("/")
        if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
            return False
        if span in {"*", "?"}:
            return True
        first, dash, last = span.partition("-")
        low, high = self.number(first), self.number(last if dash else first)
        return low is not None and high is not None and self.least <= low <= high <= self.most


PARTS = (
    Part("minute", 0, 59),
    Part("hour", 0, 23),
    Part("day of the month", 1, 31),
    Part("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    Part("day of the week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
MACROS = ("@annually", "@daily", "@hourly", "@midnight", "@monthly", "@weekly", "@yearly")
EVERY = re.compile(r"@every (?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")


def schedule_fault(text: str) -> str | None:
    """Say what keeps *text* from being a schedule, as the end of a sentence, or None where it is one."""
    if "TZ" in text:
        return "names a time zone, which belongs in 'timeZone'"
    if text.startswith("@"):
        return None if text in MACROS or EVERY.fullmatch(text) else f"is none of {', '.join(MACROS)}"
    given = text.split()
    if len(given) != len(PARTS):
        return f"has {len(given)} parts, where five are needed: {', '.join(part.name for part in PARTS)}"
    for part, items in zip(PARTS, given, strict=True):
        for item in items.split(","):
            if not part.takes(item):
                return f"has '{item}' as its {part.name}, where {part.least} to {part.most} is needed"
    return None
