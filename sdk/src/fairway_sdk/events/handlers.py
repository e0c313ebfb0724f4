"""The functions of a service that handle events and tasks, by what they handle."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from fairway_sdk.errors import SetupError
from fairway_sdk.events.event import Event

Function = Callable[..., Awaitable[object]]


class Handler(msgspec.Struct, frozen=True):
    """One function, and whether it asks for the transaction."""

    call: Function
    transaction: bool


class Kind(msgspec.Struct):
    """A kind of event, or a task, and what handles it: all its handlers together, in the order of their declaration."""

    content: type[msgspec.Struct]
    handlers: list[Handler]

    @property
    def transaction(self) -> bool:
        """Tell whether any handler asks for the transaction."""
        return any(handler.transaction for handler in self.handlers)


class Handlers:
    """All handlers of a service."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.events: dict[str, dict[str, Kind]] = {}  # by channel and kind
        self.tasks: dict[str, Kind] = {}
        self._names: dict[Function, str] = {}

    def add(self, event: type[Event], function: Function) -> None:
        """Take in a handler of a kind of event."""
        if not event.channel:
            raise SetupError(
                f"service '{self._service}': {event.__name__} names no channel. Give the class its `channel`."
            )
        kinds = self.events.setdefault(event.channel, {})
        kind = kinds.setdefault(event.__name__, Kind(event, []))
        if kind.content is not event:
            raise SetupError(
                f"service '{self._service}': two classes are called {event.__name__} on channel '{event.channel}'."
                " Keep one: an envelope names its kind by the name of the class."
            )
        kind.handlers.append(Handler(function, _asks_for_transaction(self._service, function)))

    def add_task(self, function: Function) -> None:
        """Take in a task; what it takes must be a struct, and its name is what deferred work is known by."""
        name = function.__name__
        if name in self.tasks:
            raise SetupError(f"service '{self._service}': has two tasks '{name}'. Rename one.")
        first = next(iter(inspect.signature(function, eval_str=True).parameters.values()), None)
        content = first.annotation if first is not None else None
        if not (isinstance(content, type) and issubclass(content, msgspec.Struct)):
            raise SetupError(
                f"service '{self._service}': task '{name}' does not say what it takes. Annotate its first parameter"
                " with a msgspec.Struct."
            )
        self.tasks[name] = Kind(content, [Handler(function, _asks_for_transaction(self._service, function))])
        self._names[function] = name

    def task_name(self, function: Function, payload: Any) -> str:
        """Give a task's name; a `SetupError` where it was not declared or takes something else."""
        name = self._names.get(function)
        if name is None:
            raise SetupError(
                f"service '{self._service}': '{getattr(function, '__name__', function)}' is no task. Declare it with"
                " @service.task."
            )
        if not isinstance(payload, self.tasks[name].content):
            raise SetupError(
                f"service '{self._service}': task '{name}' takes {self.tasks[name].content.__name__}, not"
                f" {type(payload).__name__}."
            )
        return name


def _asks_for_transaction(service: str, function: Function) -> bool:
    parameters = inspect.signature(function).parameters
    if not inspect.iscoroutinefunction(function):
        raise SetupError(f"service '{service}': handler '{function.__name__}' is not async. Write `async def`.")
    return "tx" in parameters
