"""How a saga can end otherwise than well, as its starter sees it; and what can be wrong with one before it runs."""

from fairway_sdk.errors import FairwayError


class DefinitionError(FairwayError, TypeError):
    """A saga's class cannot run as it is written; a line for each fault."""


class StartError(FairwayError, ValueError):
    """A saga cannot be started like this: its id, its input, or an id that belongs to another saga or input."""


class SagaError(FairwayError):
    """The parent of ends that are not completion: which saga, at which step, and why.

    `reason` holds the author's own words for a declined step, else the kind of the error: never a value.
    """

    def __init__(self, identity: str, saga: str, step: str, reason: str) -> None:
        super().__init__(f"saga '{saga}' {identity}: {self.how} {reason}")
        self.id = identity
        self.saga = saga
        self.step = step
        self.reason = reason

    how = "did not end well:"


class CompensatedError(SagaError):
    """A step failed for good, and all that was done before it has been undone."""

    how = "was undone:"


class StuckError(SagaError):
    """It can go neither on nor back by itself; an operator resumes or abandons it."""

    how = "is stuck:"


class AbandonedError(SagaError):
    """An operator gave it up: what was done stays done."""

    how = "was abandoned:"
