"""Why a message was dead-lettered: a category and, where that has several, a detail.

A reason is `category` or `category:detail`, in fixed words only, so that it may be shown anywhere:
`refused:send_rejected`, `retries_used_up:sender_unavailable`, `no_such_actor`. Pure.
"""

import re

_DETAIL = re.compile(r"[a-z0-9_]{1,60}")
_WORD = re.compile(r"[A-Za-z0-9_]{1,60}")

REFUSED = "refused"
"""It will never work; the detail is the actor's reason to refuse it."""

RETRIES_USED_UP = "retries_used_up"
"""Each attempt failed; the detail is the last failure's reason, or its exception's type."""

TIME_LIMIT = "time_limit"
"""The last attempt was interrupted."""

TOO_MANY_DELIVERIES = "too_many_deliveries"
"""It killed its workers. Also the option that marks such a message."""

NO_SUCH_ACTOR = "no_such_actor"
"""No actor has its name."""

UNKNOWN = "unknown"
"""No reason was noted: Redis was away at that moment."""


def reason_of_failure(error: BaseException, *, was_refused: bool) -> str:
    """Return the reason of a final failure. `was_refused`: the actor ruled out another attempt."""
    # Compared by name, so that this module needs no Dramatiq.
    if type(error).__name__ == "TimeLimitExceeded":
        return TIME_LIMIT
    return f"{REFUSED if was_refused else RETRIES_USED_UP}:{detail_for(error)}"


def detail_for(error: BaseException | None) -> str:
    """Return an error's detail: the `reason` of our own errors, else the exception's type.

    Exceptions of libraries may have a `reason`, too, with any text in it.
    """
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and _DETAIL.fullmatch(reason):
        return reason
    return type(error).__name__


def word_of(reason: str) -> str:
    """Return a reason if it is a word; what anybody else wrote into Redis is unknown."""
    return reason if _WORD.fullmatch(reason) else UNKNOWN


def category_of(reason: str) -> str:
    """Return the part before the colon."""
    return reason.partition(":")[0]


def detail_of(reason: str) -> str:
    """Return the part after the colon, or the whole reason if it has only one part."""
    return reason.rpartition(":")[2]


def is_reason(reason: str, wanted: str) -> bool:
    """Return whether `wanted` is the full reason, its category, or its detail."""
    return wanted in (reason, category_of(reason), detail_of(reason))
