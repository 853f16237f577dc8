"""What a rule finds, and what several rules look for it with. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts, Progress
from runtime.breakers import OpenBreaker
from runtime.dependencies import Dependency

NO_PROGRESS_SECONDS = 120
"""For how long nothing may happen to mail that waits."""
MINUTES_OF_FAILURE = 3
LEAST_FAILURES = 5
_WINDOW_MINUTES = 4
"""How many minutes are judged together. A failure must be there in three of them."""

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "NotAuthorized"}
    | {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"}
    | {"ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch"}
)
"""AWS's codes for what our credentials may not do."""


@dataclass(frozen=True, slots=True)
class Found:
    """A cause, in words, and since when (seconds since 1970), if that is known."""

    cause: Cause
    what: str
    since: float | None = None


Rule = Callable[[Facts], Found | None]


def share_of(facts: Facts, cause: Cause, name: str, most: float, words: str) -> Found | None:
    """Find that too large a share of the last minutes' messages was counted under a name."""
    recent = recent_of(facts)
    if recent is None:
        return None
    number, minutes = recent.total(name), recent.minutes_with(name)
    if number < LEAST_FAILURES or len(minutes) < MINUTES_OF_FAILURE:
        return None
    share = number / (number + recent.settled)
    if share < most:
        return None
    what = f"{share:.0%} of the last minutes' messages {words}"
    return Found(cause, what, minutes[0] * 60.0)


def ranked(progress: Progress, name: str) -> list[tuple[str, int]]:
    """Return the reasons counted under a name, the most frequent first."""
    prefix = f"{name}:"
    names = {one for minute in progress.counts for one in minute if one.startswith(prefix)}
    numbers = [(one.removeprefix(prefix), progress.total(one)) for one in names]
    return sorted(numbers, key=lambda pair: (-pair[1], pair[0]))


def recent_of(facts: Facts, minutes: int = _WINDOW_MINUTES) -> Progress | None:
    """Return the progress of the last minutes."""
    if facts.progress is None:
        return None
    counts = facts.progress.counts
    left_out = max(0, len(counts) - minutes)
    return Progress(facts.progress.first_minute + left_out, counts[left_out:])


def breaker_of(facts: Facts, dependency: Dependency, code: str = "") -> OpenBreaker | None:
    """Return a dependency's open breaker, if it is open for this code."""
    return next(
        (
            one
            for one in facts.breakers
            if one.dependency is dependency and (not code or one.code == code)
        ),
        None,
    )


def since_of(opened: OpenBreaker) -> float:
    """Return since when a breaker is open, in seconds since 1970."""
    return opened.since_ms / 1000
