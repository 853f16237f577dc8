"""Tells a fault of the world, at which a job over many mails stops, from one mail's trouble."""

from emails.values.errors import NotFinished, Unavailable
from emails.values.outcomes import RetryReason

_THROTTLED = frozenset(
    {
        RetryReason.SENDER_THROTTLED,
        RetryReason.SENDING_PAUSED,
        RetryReason.WAITS_FOR_TURN,
        RetryReason.MAIL_STORE_THROTTLED,
    }
)


def stops_all(error: NotFinished) -> bool:
    """Return whether the other mails would fail now, too.

    What has `max_tries` may be about this mail alone, such as an object that S3 does not give out.
    """
    return error.max_tries is None and (
        isinstance(error, Unavailable) or error.reason in _THROTTLED
    )
