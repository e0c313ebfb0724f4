"""An object under construction that remembers why each of its keys is there."""

from itertools import pairwise
from typing import Any

from fairway.core.artefact import KeyPath, Reason


class Sketch:
    """An object and the reasons behind its keys; keys stand in the order in which they are put."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.object: dict[str, Any] = {}
        self.reasons: dict[KeyPath, Reason] = {}

    def put(self, path: KeyPath, value: object, reason: Reason | None = None) -> None:
        """Put *value* at *path*, making the mappings on the way; a number on the way is an item of a list."""
        here: Any = self.object
        for step, following in pairwise(path):
            if isinstance(here, list):
                if step == len(here):
                    here.append([] if isinstance(following, int) else {})
                here = here[step]  # type: ignore[index] # a list is only made where the step is a number
            else:
                here = here.setdefault(step, [] if isinstance(following, int) else {})
        here[path[-1]] = value
        if reason is not None:
            self.reasons[path] = reason
