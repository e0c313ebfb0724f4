"""What a saga is: steps in order, each with its way back. Its class is checked when it is made, not when it runs."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic, TypeVar, overload

from msgspec import Struct

from fairway_sdk.sagas.errors import DefinitionError

I_contra = TypeVar("I_contra", contravariant=True)
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

MARK = "__fairway_step__"  # on a method: it is a step, and these are its options


class Options(Struct, frozen=True, kw_only=True):
    """What a step's decorator says."""

    undo: str | None = None
    undo_said: bool = False  # also a spoken None is an answer
    retries: int | None = None
    timeout: float | None = None
    declines: tuple[type[Exception], ...] = ()


class Undo(Struct, frozen=True, kw_only=True):
    """The way back of a step."""

    name: str
    act: Callable[..., Awaitable[Any]]
    takes: frozenset[str]


class Step(Struct, frozen=True, kw_only=True):
    """One step of a saga; figures that it leaves open come from the binding."""

    name: str
    act: Callable[..., Awaitable[Any]]
    takes: frozenset[str]  # of: key, results, tx
    undo: Undo | None
    retries: int | None
    timeout: float | None
    declines: tuple[type[Exception], ...]
    result: Any  # the type of what it returns

    @property
    def in_transaction(self) -> bool:
        """Tell whether the step's effect and its record commit together."""
        return "tx" in self.takes


class Definition(Struct, frozen=True, kw_only=True):
    """A saga as the engine sees it."""

    name: str
    person: str
    input: Any  # the type of what it is started with
    steps: dict[str, Step]  # in order
    saga: "Saga[Any]"  # whose methods the steps are

    def after(self, names: "frozenset[str] | set[str]") -> Step | None:
        """Give the first step that is not among those done."""
        return next((step for name, step in self.steps.items() if name not in names), None)


class Saga(Generic[I_contra]):
    """The parent of a service's sagas: ordered steps that a crash does not lose, each with its way back.

        @service.saga
        class Checkout(Saga[NewOrder]):
            @step(undo="release", retries=5, timeout=2.0)
            async def reserve(self, order, key): ...
            async def release(self, order, key, result): ...

            @step
            async def confirm(self, order, tx): ...

    A step takes the saga's input first, and by name what it wants of: `key`, its idempotency key; `results`, those of
    the steps before it by their names; `tx`, a transaction that commits together with the record of the step, so that
    its effect happens exactly once. Without `tx` a step may run again after a crash or a time-out, with the same key:
    its callee must know the key. The key is also sent along with every declared call of the step.

    An undo takes the same, and `result`. It runs for every step that was done, the last first; and for a step of which
    nobody knows whether it was done, since its answer was lost: then `result` is None, and there may be nothing to
    undo. A callee should remember an undone key, so that a late first try has no effect. Steps with `tx` are never in
    doubt, as long as they call nobody else.

    Declined by its callee, a step fails at once, and what was done is undone. After any other error it is tried again,
    its `retries` times at most. An undo is tried until its tries are used up; then the saga is stuck, and an operator
    is asked. Names are the contract with runs that began under older code: the saga's, and those of its steps.

    Results are kept as JSON: give a return type, and keep what undoing needs. A saga keeps nothing on itself, since its
    next step may run in another process; and it runs for itself, without the identity of the person who started it.
    """

    name: ClassVar[str] = ""
    """The durable name; from the class's name where empty: PlaceOrder is place-order."""
    person: ClassVar[str] = ""
    """The field of the input that names whose personal data it holds; needed where input or results are marked."""
    definition: ClassVar[Definition]

    def __init_subclass__(cls, **options: Any) -> None:
        """Check the class; a `DefinitionError` has a line for each fault."""
        super().__init_subclass__(**options)
        from fairway_sdk.sagas.inspection import define

        found = define(cls)
        if found is not None:
            cls.definition = found

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse: a value kept here would be missing in the process that takes over."""
        raise AttributeError(
            f"{type(self).__name__}.{name}: a saga keeps nothing on itself, since its next step may run in another"
            " process. Return it from the step, and read it from results."
        )


@overload
def step(act: F, /) -> F: ...
@overload
def step(
    *,
    undo: str | None = ...,
    retries: int | None = None,
    timeout: float | None = None,
    declines: tuple[type[Exception], ...] = (),
) -> Callable[[F], F]: ...
def step(act: F | None = None, /, **options: Any) -> F | Callable[[F], F]:
    """Make a method a step of its saga, after those above it.

    `undo` names the method that takes the step back; None says that there is nothing to take back. It may be left out
    only for a last step with `tx`. `retries` are further tries after the first; `timeout` is seconds for one try, or
    for one try of its undo; `declines` are errors that mean no for good, as `DeclinedError` and a callee's no do.
    """
    if "undo" in options:
        options["undo_said"] = True
    if isinstance(kind := options.get("declines"), type):
        options["declines"] = (kind,)
    said = Options(**options)

    def mark(function: F) -> F:
        _refuse_second(function)
        setattr(function, MARK, said)
        return function

    return mark if act is None else mark(act)


def _refuse_second(function: Callable[..., Any]) -> None:
    """Notice two steps of one name while the class is made: afterwards only the second is there."""
    import sys

    frame = sys._getframe(2)  # noqa: SLF001 - the body of the class, which nothing else shows
    if hasattr(frame.f_locals.get(function.__name__), MARK):
        raise DefinitionError(
            f"{frame.f_locals.get('__qualname__', 'saga')}: two steps are named '{function.__name__}', and the log of a"
            " run tells them apart by their names. Rename one."
        )
