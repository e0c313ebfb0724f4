"""What runs inside a Python service of a Fairway system."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# What a service's author imports; each name is loaded when it is first asked for, so a service pays for what it uses.
_HOMES = {
    "ANONYMOUS": "fairway_sdk.identity.caller",
    "AbandonedError": "fairway_sdk.sagas.errors",
    "CallError": "fairway_sdk.calls.failures",
    "Caller": "fairway_sdk.identity.caller",
    "CompensatedError": "fairway_sdk.sagas.errors",
    "CurrentCaller": "fairway_sdk.identity.dependencies",
    "CurrentSession": "fairway_sdk.sessions.dependencies",
    "DeclineCode": "fairway_sdk.errors",
    "DeclinedCallError": "fairway_sdk.calls.failures",
    "DeclinedError": "fairway_sdk.errors",
    "DynamoIndex": "fairway_sdk.stores.dynamodb_declared",
    "DynamoTable": "fairway_sdk.stores.dynamodb_declared",
    "DynamoTransaction": "fairway_sdk.events.inbox_dynamodb",
    "Event": "fairway_sdk.events.event",
    "FairwayError": "fairway_sdk.errors",
    "NotYetError": "fairway_sdk.errors",
    "PERSONAL": "fairway_sdk.personal.marks",
    "Person": "fairway_sdk.identity.dependencies",
    "PoisonError": "fairway_sdk.errors",
    "RefusedError": "fairway_sdk.errors",
    "Saga": "fairway_sdk.sagas.definition",
    "Service": "fairway_sdk.service",
    "Session": "fairway_sdk.sessions.session",
    "SetupError": "fairway_sdk.errors",
    "StartError": "fairway_sdk.sagas.errors",
    "StuckError": "fairway_sdk.sagas.errors",
    "Tenant": "fairway_sdk.identity.dependencies",
    "Transaction": "fairway_sdk.stores.transaction",
    "UnavailableError": "fairway_sdk.errors",
    "fallback": "fairway_sdk.calls.fallback",
    "idempotency": "fairway_sdk.calls.idempotency",
    "idempotency_key": "fairway_sdk.calls.idempotency",
    "needs": "fairway_sdk.identity.dependencies",
    "remaining": "fairway_sdk.calls.deadline",
    "require": "fairway_sdk.identity.caller",
    "step": "fairway_sdk.sagas.definition",
    "within": "fairway_sdk.calls.deadline",
}

if TYPE_CHECKING:
    from fairway_sdk.calls.deadline import remaining as remaining
    from fairway_sdk.calls.deadline import within as within
    from fairway_sdk.calls.failures import CallError as CallError
    from fairway_sdk.calls.failures import DeclinedCallError as DeclinedCallError
    from fairway_sdk.calls.fallback import fallback as fallback
    from fairway_sdk.calls.idempotency import idempotency as idempotency
    from fairway_sdk.calls.idempotency import idempotency_key as idempotency_key
    from fairway_sdk.errors import DeclineCode as DeclineCode
    from fairway_sdk.errors import DeclinedError as DeclinedError
    from fairway_sdk.errors import FairwayError as FairwayError
    from fairway_sdk.errors import NotYetError as NotYetError
    from fairway_sdk.errors import PoisonError as PoisonError
    from fairway_sdk.errors import RefusedError as RefusedError
    from fairway_sdk.errors import SetupError as SetupError
    from fairway_sdk.errors import UnavailableError as UnavailableError
    from fairway_sdk.events.event import Event as Event
    from fairway_sdk.events.inbox_dynamodb import DynamoTransaction as DynamoTransaction
    from fairway_sdk.identity.caller import ANONYMOUS as ANONYMOUS
    from fairway_sdk.identity.caller import Caller as Caller
    from fairway_sdk.identity.caller import require as require
    from fairway_sdk.identity.dependencies import CurrentCaller as CurrentCaller
    from fairway_sdk.identity.dependencies import Person as Person
    from fairway_sdk.identity.dependencies import Tenant as Tenant
    from fairway_sdk.identity.dependencies import needs as needs
    from fairway_sdk.personal.marks import PERSONAL as PERSONAL
    from fairway_sdk.sagas.definition import Saga as Saga
    from fairway_sdk.sagas.definition import step as step
    from fairway_sdk.sagas.errors import AbandonedError as AbandonedError
    from fairway_sdk.sagas.errors import CompensatedError as CompensatedError
    from fairway_sdk.sagas.errors import StartError as StartError
    from fairway_sdk.sagas.errors import StuckError as StuckError
    from fairway_sdk.service import Service as Service
    from fairway_sdk.sessions.dependencies import CurrentSession as CurrentSession
    from fairway_sdk.sessions.session import Session as Session
    from fairway_sdk.stores.dynamodb_declared import DynamoIndex as DynamoIndex
    from fairway_sdk.stores.dynamodb_declared import DynamoTable as DynamoTable
    from fairway_sdk.stores.transaction import Transaction as Transaction
else:

    def __getattr__(name: str) -> Any:
        """Load a public name from its home."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*_HOMES, "__version__"])
