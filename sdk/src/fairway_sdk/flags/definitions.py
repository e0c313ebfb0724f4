"""One version of a flag file: read as a whole or not at all, and judged by flagd's own evaluator."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError

# It complains at each evaluation without a person, at the rate of requests. We tell what is wrong once a version.
logging.getLogger("openfeature.contrib").setLevel(logging.CRITICAL)

Facts = Mapping[str, str | float | bool]


class Answer(msgspec.Struct, frozen=True):
    """What a flag is: a variant's name and its value."""

    variant: str
    value: Any


class Definitions:
    """The flags of one file; those without a rule are judged once."""

    def __init__(self, content: bytes) -> None:
        self.core = FlagdCore()
        self.faults: dict[str, str] = {}
        self._kinds: dict[str, str] = {}
        self._fixed: dict[str, Answer | None] = {}
        try:
            document = msgspec.json.decode(content)
            flags = document["flags"]
            ruled = {name for name, flag in flags.items() if flag.get("targeting")}
            self._kinds = {name: _kind(next(iter(flag["variants"].values()))) for name, flag in flags.items()}
            self.core.set_flags(document)
        except OpenFeatureError as error:
            raise ValueError(error.error_message or "a flag is not as flagd wants it") from None
        except Exception as error:  # noqa: BLE001 - flagd lets errors of any class through
            raise ValueError(f"it is not JSON with 'flags' as flagd wants them ({type(error).__name__})") from None
        for name in self._kinds.keys() - ruled:
            self._fixed[name] = self._judge(name, EvaluationContext())

    def fixed(self, name: str) -> Answer | None:
        """Give the answer of a flag without a rule; none where the caller matters, or there is no answer."""
        return self._fixed.get(name)

    def answer(self, name: str, person: str, facts: Facts) -> Answer | None:
        """Judge a flag; none where it is not there, disabled, faulty, or leaves the answer to the default."""
        if name in self._fixed:
            return self._fixed[name]
        if name not in self._kinds:
            return None
        return self._judge(name, EvaluationContext(person or None, facts))

    def __contains__(self, name: object) -> bool:
        """Tell whether the file has a flag."""
        return name in self._kinds

    def _judge(self, name: str, context: EvaluationContext) -> Answer | None:
        try:
            found = getattr(self.core, f"resolve_{self._kinds[name]}_value")(name, _NOTHING[self._kinds[name]], context)
        except Exception as error:  # noqa: BLE001 - a rule is a program of somebody else's
            self.faults[name] = getattr(error, "error_message", None) or type(error).__name__
            return None
        return Answer(found.variant, found.value) if found.variant else None


_NOTHING: Final[dict[str, Any]] = {"boolean": False, "string": "", "integer": 0, "float": 0.0, "object": {}}


def _kind(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "float"
    return "object"
