"""What an outside system remembers: one JSON line for each effect, on disk before it answers."""

import json
import os
from pathlib import Path
from typing import NotRequired, TypedDict


class Effect(TypedDict):
    """Something that was done, once."""

    kind: str
    order: NotRequired[str]
    cents: NotRequired[int]
    tracking: NotRequired[str]
    to: NotRequired[str]
    subject: NotRequired[str]
    text: NotRequired[str]


class Ledger:
    """Effects by their idempotency keys; the file is read again after a crash."""

    def __init__(self, file: Path) -> None:
        self._effects: dict[str, Effect] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            for line in file.read_text().splitlines():
                key, effect = json.loads(line)
                self._effects[key] = effect
        self._file = file.open("a")

    def knows(self, key: str) -> bool:
        """Tell whether a key had its effect."""
        return key in self._effects

    def once(self, key: str, effect: Effect) -> Effect:
        """Have an effect, or give the one that the same key had before."""
        if key not in self._effects:
            self._effects[key] = effect
            self._file.write(json.dumps([key, effect]) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._effects[key]

    def of(self, order: str) -> list[Effect]:
        """Give the effects for one order."""
        return [effect for effect in self._effects.values() if effect.get("order") == order]

    def all(self) -> list[Effect]:
        """Give every effect, the oldest first."""
        return list(self._effects.values())

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
