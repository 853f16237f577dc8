"""Why a message was dead-lettered: the way it died and, where there are several, the word for it.

A reason is a text, `way` or `way:word`, of fixed words only, so that it may be shown anywhere:
`refused:send_rejected`, `retries_used_up:sender_unavailable`, `no_such_actor`. Pure.
"""

import re

_WORD = re.compile(r"[a-z0-9_]{1,60}")

REFUSED = "refused"
"""It will never work; the word is the one that the actor refused with."""

RETRIES_USED_UP = "retries_used_up"
"""Each attempt failed; the word is what the last one failed of, or its exception's type."""

TIME_LIMIT = "time_limit"
"""The last attempt was interrupted."""

TOO_MANY_DELIVERIES = "too_many_deliveries"
"""Its workers died of it. Also the option that marks such a message."""

NO_SUCH_ACTOR = "no_such_actor"
"""Nobody here knows what to do with it."""

UNKNOWN = "unknown"
"""It died before reasons were noted, or Redis was away just then."""


def reason_of_failure(error: BaseException, *, was_refused: bool) -> str:
    """Name why an attempt failed for good. `was_refused`: it was not to be tried again."""
    # By its name, since what interrupts is Dramatiq's, and nothing here needs Dramatiq.
    if type(error).__name__ == "TimeLimitExceeded":
        return TIME_LIMIT
    return f"{REFUSED if was_refused else RETRIES_USED_UP}:{detail_for(error)}"


def detail_for(error: BaseException | None) -> str:
    """Name an error in one word: by the reason of one of ours, else by its type.

    Exceptions of other libraries may have a `reason`, too, and say in it what they like.
    """
    word = getattr(error, "reason", None)
    if isinstance(word, str) and _WORD.fullmatch(word):
        return word
    return type(error).__name__


def category_of(reason: str) -> str:
    """Give the first part."""
    return reason.partition(":")[0]


def detail_of(reason: str) -> str:
    """Give the last part: the one word that says most."""
    return reason.rpartition(":")[2]


def is_reason(reason: str, wanted: str) -> bool:
    """Tell whether this is the wanted reason: told whole, or by its way or its word alone."""
    return wanted in (reason, category_of(reason), detail_of(reason))
