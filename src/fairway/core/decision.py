"""A decision: what was chosen, by which rule, why, and what was not chosen."""

from typing import Any, Generic, Literal, TypeVar

import msgspec

Value = TypeVar("Value")
State = Literal["decided", "unanswered", "owed"]


class Instead(msgspec.Struct, frozen=True):
    """An option that was not taken, and why."""

    option: str
    why: str


class Decision(msgspec.Struct, Generic[Value], frozen=True, kw_only=True):
    """The answer to one question about one subject.

    `state` tells whether it is settled ("decided"), waits for a fact that the user must give ("unanswered"; the answer
    then is the question), or is settled but cannot be kept as the facts stand ("owed"; the answer says what it takes).
    """

    rule: str  # id of the rule that decides
    topic: str  # the question in a word or two: "workload", "replicas"
    answer: str  # in words, for a person
    because: str
    value: Value  # for the generators; plain data, so that the plan can be printed as JSON
    subject: str = ""  # what in the service or system it is about, where there are several: "call payments", "store db"
    instead: tuple[Instead, ...] = ()
    state: State = "decided"


AnyDecision = Decision[Any]  # lists hold decisions about different things
