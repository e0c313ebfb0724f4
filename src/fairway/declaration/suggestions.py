"""Did-you-mean for files with many faults: past a fair number of comparisons no more names are suggested."""

from collections.abc import Collection
from difflib import get_close_matches

_COMPARISONS = 50_000  # about one second of names that are all alike
_LONGEST = 100  # nobody means a name by a longer word


class Suggestions:
    """Suggests names, within one budget for all the faults of a system."""

    def __init__(self) -> None:
        """Start with the whole budget."""
        self.left = _COMPARISONS

    def near(self, word: str, known: Collection[str], cutoff: float = 0.6) -> str:
        """Ask whether the nearest *known* name was meant; empty where none is near or the budget is spent."""
        if len(word) > _LONGEST or len(known) > self.left:
            return ""
        self.left -= len(known)
        found = get_close_matches(word, sorted(known), n=1, cutoff=cutoff)
        return f"Did you mean '{found[0]}'?" if found else ""
