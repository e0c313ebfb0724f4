"""The calls that the facts declare for a service: nobody else can be called, and each has one guard for all clients."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from fairway_sdk import contract
from fairway_sdk.calls.guard import Guard
from fairway_sdk.calls.idempotency import sent
from fairway_sdk.calls.last_good import LastGood
from fairway_sdk.contract.binding import Call, Protocol
from fairway_sdk.errors import SetupError
from fairway_sdk.identity.caller import caller
from fairway_sdk.lifecycle import Level
from fairway_sdk.telemetry.traces import traceparent

if TYPE_CHECKING:
    from fairway_sdk.service import Service


class Calls:
    """The guards of one service; each start makes them anew from the binding of then."""

    name = "calls"
    level = Level.CALLS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._wanted: dict[tuple[str, Protocol | None], None] = {}
        self._guards: dict[str, Guard] | None = None
        self.answers = LastGood(service.name, service.clock)

    def want(self, callee: str, protocol: Protocol | None = None) -> None:
        """Note that the code calls somebody, so that the start can say whether it may."""
        self._wanted[callee, protocol] = None

    async def start(self) -> None:
        """Make the guards; a `SetupError` has a line for each callee that the code wants and no fact declares."""
        declared = self._service.binding.calls
        faults = [fault for wanted in self._wanted if (fault := self._fault(declared, *wanted))]
        faults += [fault for callee, bound in declared.items() if (fault := self._cache_fault(callee, bound))]
        if faults:
            raise SetupError("\n".join(faults))
        clock = self._service.clock
        self._guards = {callee: Guard(callee, bound, clock) for callee, bound in declared.items()}
        self.answers = LastGood(self._service.name, clock)

    async def stop(self) -> None:
        """Let the guards go."""
        self._guards = None

    async def unready(self) -> str | None:
        """Stay ready whoever is down: a service that waits for its callees takes its callers down with it."""
        return None

    def guard(self, callee: str) -> Guard:
        """Give a callee's guard while the service runs."""
        if self._guards is None:
            raise RuntimeError(f"{callee}: is called before the service has started, or after it has ended.")
        return self._guards[callee]

    def _fault(self, declared: dict[str, Call], callee: str, protocol: Protocol | None) -> str:
        where = f"service '{self._service.name}'"
        if callee not in declared:
            near = get_close_matches(callee, declared, 1)
            known = f"It declares: {', '.join(declared)}." if declared else "It declares none."
            return (
                f"{where}: calls '{callee}', which its facts do not declare. "
                + (f"Did you mean '{near[0]}'? " if near else "")
                + f"{known} Declare the call in the facts, or take it out of the code."
            )
        found = declared[callee].protocol
        if protocol is not None and found != protocol:
            ways = {"grpc": "service.client", "rest": "service.http", "tcp": "service.guarded"}
            return (
                f"{where}: calls '{callee}' by {protocol}, and its facts declare {found}."
                f" Use {ways[found]}('{callee}'), or change the facts."
            )
        return ""

    def _cache_fault(self, callee: str, bound: Call) -> str:
        stores = self._service.binding.stores
        if bound.cache is None or (bound.cache in stores and stores[bound.cache].kind == "redis"):
            return ""
        return (
            f"service '{self._service.name}': keeps older answers of '{callee}' in the store '{bound.cache}', which is"
            " no Redis store of its binding. Bind one of this name, or leave the cache out."
        )


def passed_on(bound: Call) -> Sequence[tuple[str, str]]:
    """Give the headers that go with a call: its trace, its key if it has one, and to our own services who calls."""
    found = []
    if trace := traceparent():
        found.append(("traceparent", trace))
    if key := sent.get():
        found.append((contract.IDEMPOTENCY_HEADER, key))
    if bound.internal:
        who = caller.get()
        if who.token:
            found.append(("authorization", f"Bearer {who.token}"))
        if who.tenant:
            found.append((contract.TENANT_HEADER, who.tenant))
    return found
