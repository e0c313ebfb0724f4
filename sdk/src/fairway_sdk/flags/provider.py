"""The same flags behind OpenFeature's API, under the service's name as domain: several services fit in one process."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata
from openfeature.provider.no_op_provider import NoOpProvider

from fairway_sdk.identity.caller import caller

if TYPE_CHECKING:
    from fairway_sdk.flags.live import Flags


def enter(flags: "Flags", domain: str) -> None:
    """Answer for a domain from now on."""
    api.set_provider_and_wait(Provider(flags), domain)


def leave(domain: str) -> None:
    """Answer for a domain no more: its clients get the defaults they name."""
    api.set_provider_and_wait(NoOpProvider(), domain)


class Provider(AbstractProvider):
    """OpenFeature's view of a service's flags; the caller at hand is added to what the call says."""

    def __init__(self, flags: "Flags") -> None:
        super().__init__()
        self._flags = flags

    def get_metadata(self) -> Metadata:
        """Name it."""
        return Metadata(name="fairway")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - as OpenFeature has it
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Resolve a flag that is true or false."""
        found: FlagResolutionDetails[bool] = self._resolve("boolean", flag_key, default_value, evaluation_context)
        return found

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Resolve a flag that is a text."""
        found: FlagResolutionDetails[str] = self._resolve("string", flag_key, default_value, evaluation_context)
        return found

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Resolve a flag that is a whole number."""
        found: FlagResolutionDetails[int] = self._resolve("integer", flag_key, default_value, evaluation_context)
        return found

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Resolve a flag that is a number."""
        found: FlagResolutionDetails[float] = self._resolve("float", flag_key, default_value, evaluation_context)
        return found

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Resolve a flag that is a JSON object or list."""
        found: FlagResolutionDetails[Any] = self._resolve("object", flag_key, default_value, evaluation_context)
        return found

    def _resolve(self, kind: str, key: str, default: Any, told: EvaluationContext | None) -> Any:
        declared = self._flags.default(key)
        definitions = self._flags.now()
        if definitions is not None and key in definitions:
            alias, facts = self._flags.context(caller.get())
            ours = EvaluationContext(alias or None, facts)
            return getattr(definitions.core, f"resolve_{kind}_value")(key, default, told.merge(ours) if told else ours)
        if kind != "boolean":
            raise FlagNotFoundError(f"flag '{key}' is not in the file of flags")
        return FlagResolutionDetails(declared, reason=Reason.DEFAULT)
