"""What can be wrong with the place a service is put in: told in sentences, all at once, before anything starts."""

from typing import Literal

DeclineCode = Literal[
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "PERMISSION_DENIED",
    "OUT_OF_RANGE",
    "ABORTED",
    "RESOURCE_EXHAUSTED",
]


class FairwayError(Exception):
    """The parent of all errors that the SDK raises on purpose."""


class SetupError(FairwayError):
    """The service cannot start as it is placed; a line for each fault says where, what is wrong, what to do."""


class UnavailableError(FairwayError):
    """Something the service depends on does not answer now; a later try may succeed."""


class RefusedError(FairwayError):
    """The caller may not do this: 401 where a good token would help, else 403.

    `kind` is a word for counting; the reason may be told to the caller and holds nothing that the caller sent.
    """

    def __init__(self, status: int, reason: str, kind: str = "refused") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.kind = kind


class DeclinedError(FairwayError):
    """The service's answer is no, for a reason of its business: the card is refused, the book is sold out.

    The caller is told the code, which is the name of a gRPC status, and the message, so nothing personal belongs in it.
    """

    def __init__(self, code: DeclineCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code: DeclineCode = code
        self.message = message


class NotYetError(FairwayError):
    """Raise it in a handler of an event that comes before something it needs: it is no failure, and is tried again.

    The pauses grow; it is parked where that something does not come within the channel's `late`. Its message is kept
    then, so it says what is waited for, and nothing about a person.
    """


class PoisonError(FairwayError):
    """Raise it in a handler of an event or a task when no later try can succeed: it is parked at once.

    Its message is kept with the dead letter, so it says what is wrong, and nothing about a person.
    """
