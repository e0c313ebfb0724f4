"""The flags that a service declared, as they are now: one look at a file in memory, and nothing is asked elsewhere."""

from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from fairway_sdk.configuration.files import File, Folder
from fairway_sdk.errors import SetupError
from fairway_sdk.flags.metrics import READS
from fairway_sdk.identity.caller import Caller, caller
from fairway_sdk.lifecycle import Level

if TYPE_CHECKING:
    from openfeature.client import OpenFeatureClient
    from prometheus_client import Counter

    from fairway_sdk.flags.definitions import Answer, Definitions
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

DEFAULT: Final = "default"  # the variant's name where the binding's default holds


class Flags:
    """The part that knows the flags.

    They are defined in a file of flagd's, whose changes hold within a second. A file that cannot be read changes
    nothing: the last good one holds, or the defaults of the binding where there was none. Rules may ask for `tenant`,
    `known`, `service`, `environment`, `region`, `version`, and for what the call adds. The targeting key is an alias of
    the person: a share of all persons is the same persons in every service, and an anonymous caller gets the default.
    """

    name = "flags"
    level = Level.CALLS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._place: tuple[Folder, str] | None = None
        self._file: File | None = None
        self._definitions: Definitions | None = None
        self._told: set[str] = set()
        self._counts: dict[tuple[str, str], Counter] = {}
        self._facts: dict[str, str] = {}

    async def start(self) -> None:
        """Read the file, and stand behind OpenFeature's API under the service's name."""
        binding = self._service.binding
        self._file, self._definitions, self._place = None, None, None
        self._told.clear()
        names = ("service", "environment", "region", "version")
        self._facts = {name: getattr(binding, name) for name in names}
        if not binding.flags_file:
            return
        path = Path(binding.flags_file)
        if not path.is_absolute():
            raise SetupError(f"flags: '{path}' is no absolute path. Bind the flags' file with its whole path.")
        try:
            from fairway_sdk.flags.provider import enter
        except ModuleNotFoundError as error:
            raise SetupError(
                f"flags: the package {error.name} is not installed. Install fairway-sdk[flags]."
            ) from error
        self._place = Folder(path.parent), path.name
        self.now()
        enter(self, self._service.name)

    async def stop(self) -> None:
        """Leave OpenFeature's API."""
        if self._place is not None:
            from fairway_sdk.flags.provider import leave

            leave(self._service.name)

    async def unready(self) -> str | None:
        """Be ready always: there are defaults."""
        return None

    def on(self, name: str, who: Caller | None = None, **facts: str | float | bool) -> bool:
        """Tell whether a flag is on, for the caller at hand or another; a `SetupError` for one that is not declared."""
        answer = self._answer(name, who, facts)
        if answer is not None and not isinstance(answer.value, bool):
            self._complain(f"flag '{name}' is neither true nor false, so its default holds")
            answer = None
        self._count(name, answer.variant if answer else DEFAULT)
        return answer.value if answer else self.default(name)

    def variant(self, name: str, who: Caller | None = None, **facts: str | float | bool) -> str:
        """Name the variant of a flag, `default` where the binding's default holds; a `SetupError` as for `on`."""
        answer = self._answer(name, who, facts)
        variant = answer.variant if answer else DEFAULT
        self._count(name, variant)
        return variant

    def default(self, name: str) -> bool:
        """Give what holds where nothing else is known; a `SetupError` for a flag that is not declared."""
        declared = self._service.binding.flags
        if name not in declared:
            near = get_close_matches(name, declared, 1)
            hint = f"Did you mean '{near[0]}'?" if near else "Declare it in the service's facts, under flags."
            raise SetupError(f"service '{self._service.name}': reads the flag '{name}', which is not declared. {hint}")
        return declared[name]

    @property
    def client(self) -> "OpenFeatureClient":
        """OpenFeature's client for the same flags: for its hooks, and for libraries that want one."""
        from openfeature.api import get_client

        return get_client(self._service.name)

    def now(self) -> "Definitions | None":
        """Give the last good definitions; none where there were none yet."""
        if self._place is None:
            return None
        folder, name = self._place
        try:
            file = folder.read(name)
        except OSError as error:
            self._complain(f"the file of flags cannot be read: {error.strerror}; what held before holds on")
            return self._definitions
        if file is None:
            self._complain("there is no file of flags; what held before holds on")
        elif file is not self._file:
            self._file = file
            self._take(file.content)
        return self._definitions

    def context(self, who: Caller) -> tuple[str, dict[str, str | float | bool]]:
        """Give what rules may know of a caller: an alias of the person, and facts."""
        alias = ""
        if who.known:
            named = msgspec.json.encode((who.issuer, who.person))
            alias = blake2b(named, digest_size=16, person=b"flag person").hexdigest()
        return alias, {**self._facts, "tenant": who.tenant, "known": who.known}

    def _answer(self, name: str, who: Caller | None, facts: "dict[str, str | float | bool]") -> "Answer | None":
        self.default(name)
        definitions = self.now()
        if definitions is None:
            return None
        fixed = definitions.fixed(name)
        if fixed is not None:
            return fixed
        alias, known = self.context(who or caller.get())
        answer = definitions.answer(name, alias, {**facts, **known})
        if answer is None and name in definitions.faults:
            self._complain(f"flag '{name}' does not work, so its default holds: {definitions.faults[name]}")
        return answer

    def _take(self, content: bytes) -> None:
        from fairway_sdk.flags.definitions import Definitions

        try:
            found = Definitions(content)
        except ValueError as error:
            self._complain(f"the file of flags cannot be used: {error}; what held before holds on")
            return
        replaced, self._definitions = self._definitions, found
        self._told.clear()
        if replaced is not None:
            log.info("flags changed")
        missing = sorted(name for name in self._service.binding.flags if name not in found)
        if missing:
            self._complain(f"the file of flags lacks {', '.join(missing)}, so their defaults hold")

    def _complain(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            log.warning("something is wrong with the flags", reason=sentence)

    def _count(self, name: str, variant: str) -> None:
        count = self._counts.get((name, variant))
        if count is None:
            count = self._counts[name, variant] = READS.labels(name, variant)
        count.inc()
