"""What happens to the message that a thread works on, step by step: words and ids only.

If tracing is on, each step is an attribute of the thread's span, too.

The steps of an attempt are written to Redis together, when it ends (`bridge.ledger.story`). How
long ago each was is measured by this machine's monotonic clock, so that the hosts' calendars need
not agree.
"""

import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from runtime import tracing

_MOST_CHARACTERS = 3_000
"""Some 30 recipients. Of more, the database tells."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happened, `before_ms` before the attempt ended, with ids and words about it."""

    word: str
    before_ms: int
    about: tuple[str, ...] = ()


_steps: ContextVar[list[tuple[float, str]] | None] = ContextVar("steps", default=None)


def begin() -> None:
    """Collect the steps of an attempt of this thread from now on."""
    _steps.set([])


def note(word: str, *about: object) -> None:
    """Note a step, if this thread collects them. Words and ids have no blanks."""
    steps = _steps.get()
    if steps is not None:
        steps.append((time.monotonic(), " ".join([word, *map(str, about)])))
    if (spans := tracing.active()) is not None:
        spans.note(word, [str(one) for one in about])


def take() -> str:
    """Return the steps as one text, and collect no more."""
    steps = _steps.get()
    _steps.set(None)
    if not steps:
        return ""
    now = time.monotonic()
    text = ";".join(f"{round((now - at) * 1000)} {what}" for at, what in steps)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS].rpartition(";")[0]


def read(text: str) -> Iterator[Step]:
    """Read what `take` returned; what nobody of us wrote is left out."""
    for part in text.split(";"):
        before, *words = part.split(" ")
        if before.isascii() and before.isdigit() and len(before) < 12 and words:
            yield Step(words[0], int(before), tuple(words[1:]))
