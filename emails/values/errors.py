"""The two failures that cross a boundary: `Refused` is permanent, `NotFinished` may work later.

Each edge maps its library's errors to these in one place and keeps the cause. Their text may be
logged, so it never contains an address, a subject or any other part of a mail.
"""


class Refused(Exception):
    """A permanent failure: the message is dead-lettered at once.

    `reason` is one of the fixed words in `emails.values.outcomes`, never text from a mail.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotFinished(Exception):
    """A failure that may pass: the message is retried with backoff. `reason` as in `Refused`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
