"""The two failures that cross a boundary: this will never work, and this may work later.

An edge maps its library's errors to these once, keeping the cause. Their text may be logged: it
never holds an address, a subject or any other part of a mail.
"""


class Refused(Exception):
    """This will never work. The message is dead-lettered at once; `reason` names why.

    `reason` is one of the fixed words of `emails.values.outcomes`, never text taken from a mail.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotFinished(Exception):
    """This may work later. The message is retried with backoff; `reason` names why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
