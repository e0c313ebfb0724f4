"""Inputs and results as documents: JSON, with personal fields sealed for the person whom the input names."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fairway_sdk.sagas.course import Entry, Kept
from fairway_sdk.sagas.definition import Definition, Step
from fairway_sdk.sagas.errors import StartError

if TYPE_CHECKING:
    from fairway_sdk.service import Service

LARGEST: Final = 1 << 18  # bytes of one document: a log is for undoing, not for moving data
LONGEST_PERSON: Final = 200


class UnreadableError(Exception):
    """What the log holds cannot be read by the code of now, or never again; the message says why."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An input as it is kept."""

    text: str
    person: str = ""
    alias: str = ""


class Values:
    """Writes and reads the documents of one service's sagas."""

    def __init__(self, service: "Service") -> None:
        self._service = service

    async def keep_input(self, definition: Definition, value: Any) -> Document:
        """Write an input; a `StartError` where it is of another type than the saga's, or too large."""
        person = str(getattr(value, definition.person, "")) if definition.person else ""
        try:
            content = await self._write(value, person)
            self._fitting(content, definition.input)
        except (TypeError, ValueError, msgspec.ValidationError) as error:
            raise StartError(f"saga '{definition.name}': its input does not fit: {error}") from error
        if len(person) > LONGEST_PERSON:
            raise StartError(f"saga '{definition.name}': its person's id is longer than {LONGEST_PERSON} characters.")
        return Document(text=content.decode(), person=person, alias=self._alias(person))

    async def read_input(self, definition: Definition, kept: Kept) -> Any:
        """Read an input; an `UnreadableError` where that cannot be done by any pause."""
        return await self._read(kept.document.encode(), definition.input, kept.person, "its input")

    async def keep_result(self, step: Step, result: Any, person: str) -> msgspec.Raw:
        """Write a result; `TypeError` or `ValueError` where it is not what the step says it returns."""
        if step.result is Any and is_personal(type(result)):
            raise TypeError(f"step '{step.name}' returns personal data without saying so. Give it a return type.")
        content = await self._write(result, person)
        self._fitting(content, step.result)
        return msgspec.Raw(content)

    async def read_result(self, step: Step | None, entry: Entry, person: str) -> Any:
        """Read a result, by its type where the code still has the step."""
        if not entry.done:
            return None
        kind = Any if step is None else step.result
        return await self._read(bytes(entry.result), kind, person, f"the result of step '{entry.step}'")

    async def results(self, definition: Definition, kept: Kept) -> Mapping[str, Any]:
        """Read the results of all steps that were done."""
        return {
            entry.step: await self.read_result(definition.steps.get(entry.step), entry, kept.person)
            for entry in kept.log
            if entry.done
        }

    async def _write(self, value: Any, person: str) -> bytes:
        if isinstance(value, msgspec.Struct) and is_personal(type(value)):
            from fairway_sdk.personal.sealing import seal

            content = await seal(value, person, self._service.keyring)
        else:
            content = msgspec.json.encode(value)
        if len(content) > LARGEST:
            raise ValueError(f"{len(content)} bytes of JSON are more than {LARGEST}. Keep a name of it, not all of it.")
        return content

    @staticmethod
    def _fitting(content: bytes, kind: Any) -> None:
        """Find out now, and not after a crash, whether a document can be read again."""
        if not is_personal(kind):
            msgspec.json.decode(content, type=kind)

    async def _read(self, content: bytes, kind: Any, person: str, what: str) -> Any:
        if not is_personal(kind):
            try:
                return msgspec.json.decode(content, type=kind)
            except msgspec.DecodeError as error:
                raise UnreadableError(f"{what} does not fit the code of now: {error}.") from error
        from fairway_sdk.personal.boxes import BrokenSealError, ErasedError, UnknownPersonError
        from fairway_sdk.personal.sealing import unseal

        try:
            return await unseal(content, kind, person, self._service.keyring)
        except ErasedError as error:
            raise UnreadableError(f"{what} was of a person who has been erased.") from error
        except (BrokenSealError, UnknownPersonError) as error:
            raise UnreadableError(f"{what} cannot be unsealed: {type(error).__name__}.") from error
        except msgspec.DecodeError as error:  # its words could quote what was sealed
            raise UnreadableError(f"{what} does not fit the code of now.") from error

    def _alias(self, person: str) -> str:
        if not person:
            return ""
        return self._service.keyring.alias(person) if self._service.binding.personal else person


def is_personal(kind: Any) -> bool:
    """Tell whether documents of a type have sealed fields."""
    if kind is Any or not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return False
    from fairway_sdk.personal.marks import has_personal

    return has_personal(kind)
