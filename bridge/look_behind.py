"""When a bridge that keeps as much as it may goes on receiving, and when it shows mail again.

Behind the mails that wait there may be feedback, or others' mail. To look there costs a receive and
a signature for each mail that is set aside, so it is done at a pace that leaves the machine to the
workers, and not while they take mails at that pace themselves. What comes all at once is looked
through without a pause, as far as a quiet bridge has saved looks. While anything waits in the
bridge, no receive waits for messages: workers would run dry.

    poller thread   calls everything
"""

from collections.abc import Callable

from bridge.waiting import Waiting

LOOK_SECONDS = 0.1
"""How often a batch is received for which there are too few places."""

MOST_SAVED_SECONDS = 5.0
"""How long a bridge saves the looks that it does not need: fifty, five hundred mails."""

EMPTY_SECONDS = 0.25
"""How often SQS is asked while it has nothing more, and mail waits here."""


class LookBehind:
    """Decides this for one queue."""

    def __init__(self, waiting: Waiting, *, monotonic: Callable[[], float]) -> None:
        self._waiting = waiting
        self._monotonic = monotonic
        self._not_before = self._look_at = float("-inf")
        self._has_seen_all = False

    def limit(self, wanted: int, places: int) -> int:
        """Return how many of the `wanted` messages may be received now, `places` being free."""
        now = self._monotonic()
        if now < self._not_before:
            return 0
        if places < wanted and now < self._look_at:
            return 0
        saved_since = max(self._look_at, now - MOST_SAVED_SECONDS)
        self._look_at = min(now, saved_since) + LOOK_SECONDS
        if places >= wanted:
            return wanted
        may_look = self._waiting.free < wanted and not self._waiting.aside.is_full
        return wanted if may_look else places

    def note_received(self, received: int, asked: int, *, has_waited: bool) -> None:
        """Note how many messages a receive has brought, and how many were asked for."""
        self._has_seen_all = received < asked
        if received == 0 and not has_waited:
            self._not_before = self._monotonic() + EMPTY_SECONDS

    def refill(self) -> None:
        """Show what was set aside, once nothing else is visible and half of the places are free.

        Errors of SQS pass through.
        """
        if not (self._has_seen_all and self._waiting.is_half_free and len(self._waiting.aside)):
            return
        self._waiting.aside.show(self._waiting.free)
        self._has_seen_all, self._not_before = False, float("-inf")
