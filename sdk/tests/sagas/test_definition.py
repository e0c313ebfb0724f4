"""A saga's class is checked when it is made: every mistake is a sentence."""

import types
from typing import Annotated, Any, TypeVar

import pytest
from msgspec import Struct

from fairway_sdk import Saga, Service, step
from fairway_sdk.personal.marks import PERSONAL
from fairway_sdk.sagas.errors import DefinitionError

T = TypeVar("T")


class Order(Struct):
    """An input."""

    id: str
    reader: str = ""


class Delivery(Struct):
    """An input with a personal field."""

    reader: str
    street: Annotated[str, PERSONAL]


class Odd:
    """A type that JSON does not know."""


def _faults(kind: object, **members: object) -> str:
    with pytest.raises(DefinitionError) as caught:
        _make(kind, members)
    return str(caught.value)


def _make(given: object, members: dict[str, object]) -> None:
    types.new_class("Checkout", (given,), {}, lambda namespace: namespace.update(members))


async def _act(self: object, order: object) -> None: ...


def _step(**options: Any) -> object:  # noqa: ANN401 - as the decorator takes them, also wrong ones
    async def act(self: object, order: object) -> None: ...

    return step(**options)(act)


def test_the_name_is_made_of_the_classs_words() -> None:
    """It is the durable contract, so it can also be said."""

    class PlaceSTOROrder(Saga[Order]):
        @step(undo=None)
        async def act(self, order: Order) -> None: ...

    class Said(Saga[Order]):
        name = "place-order"

        @step(undo=None)
        async def act(self, order: Order) -> None: ...

    assert PlaceSTOROrder.definition.name == "place-stor-order"
    assert Said.definition.name == "place-order"


def test_steps_keep_their_order_and_inherit_it() -> None:
    """A child adds steps after its parent's, and replaces one where it stands."""

    class Parent(Saga[T]):
        @step(undo=None)
        async def first(self, order: T) -> None: ...

        @step(undo=None)
        async def second(self, order: T) -> None: ...

    class Child(Parent[Order]):
        @step(undo=None, retries=7)
        async def first(self, order: Order) -> None: ...

        @step(undo=None)
        async def third(self, order: Order) -> None: ...

    assert list(Child.definition.steps) == ["first", "second", "third"]
    assert Child.definition.steps["first"].retries == 7


def test_a_saga_without_steps_is_a_fault() -> None:
    """Unless it leaves its input open, as a parent of sagas does."""
    assert "Checkout: has no step" in _faults(Saga[Order])


def test_an_undo_that_does_not_exist_is_a_fault_with_a_guess() -> None:
    """A misspelt undo would be found when it is needed most."""
    faults = _faults(Saga[Order], reserve=_step(undo="relase"), release=_act)
    assert "Checkout: step 'reserve': its undo 'relase' does not exist. Did you mean 'release'?" in faults


def test_every_step_says_how_it_is_undone() -> None:
    """Only a last step with a transaction needs no word: nothing after it fails, and it is never in doubt."""
    faults = _faults(Saga[Order], first=_step(), last=_step())
    assert "step 'first' says not how it is undone, and a later step may fail." in faults
    assert "step 'last' says not how it is undone, and its answer can be lost." in faults

    class Fine(Saga[Order]):
        @step(undo=None)
        async def first(self, order: Order) -> None: ...

        @step
        async def last(self, order: Order, tx: object) -> None: ...

    assert Fine.definition.steps["last"].in_transaction


def test_a_parameter_that_nobody_gives_is_a_fault() -> None:
    """Steps take key, results and tx; undos take the result, too."""

    async def pay(self: object, order: object, keys: str) -> None: ...
    async def reserve(self: object, order: object, result: str) -> None: ...
    async def refund(self: object, key: str) -> None: ...
    async def confirm(self: object) -> None: ...

    faults = _faults(
        Saga[Order],
        reserve=step(undo=None)(reserve),
        pay=step(undo="refund")(pay),
        refund=refund,
        confirm=step(undo=None)(confirm),
    )
    assert (
        "step 'pay' takes 'keys', which nobody gives it. It may take: key, results, tx. Did you mean 'key'?" in faults
    )
    assert "step 'reserve' takes 'result', which nobody gives it." in faults
    assert "undo 'refund': the saga's input comes first, and 'key' stands there." in faults
    assert "step 'confirm' takes not the saga's input." in faults


def test_steps_and_undos_are_async() -> None:
    """A step that is not would block every other saga of the process."""

    def pay(self: object, order: object) -> None: ...

    assert "step 'pay' is not async. Write async def pay(...)." in _faults(Saga[Order], pay=step(undo=None)(pay))  # type: ignore[type-var]


def test_two_steps_of_one_name_are_a_fault() -> None:
    """Python would silently keep the second."""
    with pytest.raises(DefinitionError, match="two steps are named 'pay'"):

        class Checkout(Saga[Order]):
            @step(undo=None)
            async def pay(self, order: Order) -> None: ...

            @step(undo=None)  # type: ignore[no-redef]
            async def pay(self, order: Order) -> None: ...  # noqa: F811 - the fault itself


def test_an_undo_is_no_step() -> None:
    """It would run forwards, too."""
    faults = _faults(Saga[Order], pay=_step(undo="refund"), refund=_step(undo=None))
    assert "step 'pay': its undo 'refund' is a step itself." in faults


@pytest.mark.parametrize("kind", [Odd, list[Odd], dict[str, Odd]])
def test_an_input_that_json_cannot_keep_is_a_fault(kind: type) -> None:
    """It could not be read again after a crash."""
    given = Saga[kind]  # type: ignore[valid-type]  # a value here
    assert "its input holds Odd, which JSON cannot keep over a crash." in _faults(given, pay=_step(undo=None))


@pytest.mark.parametrize("kind", [str, int, dict[str, list[int]], Order])
def test_structs_and_builtins_are_inputs(kind: type) -> None:
    """What JSON keeps and gives back the same."""
    _make(Saga[kind], {"pay": _step(undo=None)})  # type: ignore[valid-type]  # likewise


def test_a_result_that_json_cannot_keep_is_a_fault() -> None:
    """Its undo needs it after a crash."""

    async def pay(self: object, order: object) -> Odd: ...  # type: ignore[empty-body]
    async def ship(self: object, order: object) -> "Missing": ...  # type: ignore[name-defined]  # noqa: F821 - the fault

    faults = _faults(Saga[Order], pay=step(undo=None)(pay), ship=step(undo=None)(ship))
    assert "step 'pay' returns Odd, which JSON cannot keep over a crash." in faults
    assert "step 'ship': the type of its result, Missing, is not known at run time" in faults


def test_personal_data_has_a_person() -> None:
    """Otherwise nobody could be asked for the key, and nobody erased."""
    assert "its input has personal fields, and nothing says whose." in _faults(Saga[Delivery], go=_step(undo=None))

    class Fine(Saga[Delivery]):
        person = "reader"

        @step(undo=None)
        async def go(self, delivery: Delivery) -> None: ...

    assert Fine.definition.person == "reader"


def test_the_person_is_a_field_of_the_input() -> None:
    """A misspelt one is told with a guess."""
    faults = _faults(Saga[Order], person="raeder", pay=_step(undo=None))
    assert "person = 'raeder' is no field of Order. Did you mean 'reader'?" in faults


def test_all_faults_are_told_at_once() -> None:
    """A line for each, with the class it is in."""
    faults = _faults(Saga[Odd], name="Not Good", pay=_step(undo="x", retries=-1, timeout=0.0))
    assert [line.split(": ")[0] for line in faults.splitlines()] == ["Checkout"] * 5


def test_a_saga_keeps_nothing_on_itself() -> None:
    """Its next step may run in another process."""

    class Checkout(Saga[Order]):
        @step(undo=None)
        async def pay(self, order: Order) -> None: ...

    with pytest.raises(AttributeError, match="a saga keeps nothing on itself"):
        Checkout.definition.saga.paid = True


def test_two_sagas_of_one_name_cannot_be_of_one_service() -> None:
    """Their runs could not be told apart after a crash."""
    service = Service("shop")

    def make() -> type[Saga[Order]]:
        class Checkout(Saga[Order]):
            @step(undo=None)
            async def pay(self, order: Order) -> None: ...

        return Checkout

    kind = service.saga(make())
    assert service.saga(kind) is kind
    with pytest.raises(DefinitionError, match="is named 'checkout' already"):
        service.saga(make())
