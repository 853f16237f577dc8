"""Whose fault a failure is: the message's, the world's, or nobody's; any other error is ours.

Each edge maps its library's errors to these in one place and keeps the cause. Their text may be
logged, so it never contains an address, a subject or any other part of a mail.
"""

from enum import StrEnum

from emails.values.outcomes import RetryReason
from runtime.dependencies import Dependency

MAX_TRIES = 8
"""How often a message may fail on something that works for other messages."""


class Refused(Exception):
    """The message's fault: it is dead-lettered at once.

    `reason` is one of the fixed words in `emails.values.outcomes`, never text from a mail; `code`
    is AWS's name for the error, if AWS refused it.
    """

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class UnsendableReason(StrEnum):
    """Why SES will not send a mail on."""

    TOO_LARGE = "too_large"
    """It is larger than SES sends, even without our note."""

    SIGNED_NAME = "signed_name"
    """SES blocks the name of an attachment, and a signature forbids changing it."""

    REJECTED = "rejected"
    """SES refused it, and we don't know better."""


class Unsendable(Exception):
    """SES sends this mail in no form that we can give it. It is held.

    `code` is AWS's name for the error, if SES refused it.
    """

    def __init__(self, reason: UnsendableReason, code: str = "") -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.code = code


class NotFinished(Exception):
    """Nobody's fault: the message is put back and runs again soon, and no attempt is counted.

    `reason` and `code` as in `Refused`. After `max_tries` failures the message is dead-lettered.
    """

    def __init__(self, reason: str, code: str = "", *, max_tries: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.max_tries = max_tries


class LargeMail(NotFinished):
    """Nobody's fault: the mail has `size` bytes, and goes on where it delays nobody."""

    def __init__(self, size: int) -> None:
        super().__init__(RetryReason.LARGE_MAIL)
        self.size = size


class ReplyLeft(NotFinished):
    """Nobody's fault: the reply goes back to a shared queue, since the other system may know it."""

    def __init__(self) -> None:
        super().__init__(RetryReason.REPLY_LEFT)


class OthersFirst(NotFinished):
    """Nobody's fault: more of the mail's lane has come, so it goes on where it delays nobody."""

    def __init__(self) -> None:
        super().__init__(RetryReason.OTHERS_FIRST)


class PortionDone(NotFinished):
    """Nobody's fault: the mail has many recipients, and others' mail may go on before the rest."""

    def __init__(self) -> None:
        super().__init__(RetryReason.PORTION_DONE)


class Unavailable(NotFinished):
    """The world's fault: `dependency` fails, whichever message meets it. Its breaker counts it."""

    def __init__(
        self, reason: str, dependency: Dependency, code: str = "", *, max_tries: int | None = None
    ) -> None:
        super().__init__(reason, code, max_tries=max_tries)
        self.dependency = dependency
