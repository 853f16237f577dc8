"""What Redis has of the sending account. A job writes it each minute, everybody reads it.

    relay:ses-account   hash, which expires a day after it was last written:
        rate      how many mails SES takes in a second: the pace obeys it
        account   JSON: what SES says of the account, when it was read, since when it stands so
        failing   JSON: the code with which reading it fails, and since when; "" if it doesn't
        sending   JSON: what was sent in 24 hours and came back, and when that was judged
        held      JSON: the senders whose mail is held, and since when

If Redis is wiped, nothing is known for a minute, and nobody's mail is held.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from redis.exceptions import RedisError

from emails.values.account import Account, AccountState, Sending
from emails.wire import ACCOUNT_KEY, ACCOUNT_RATE
from runtime.tally import sum_counts

if TYPE_CHECKING:
    from redis import Redis

_KEPT_SECONDS = 24 * 3600
_MINUTES = 24 * 60
_LOOK_SECONDS = 2.0


class RedisAccountNotes:
    """The notes. Times are seconds since 1970. Redis's errors pass through."""

    def __init__(self, client: "Redis", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = client
        self._clock = clock
        self._held: frozenset[str] = frozenset()
        self._looked_at = float("-inf")

    def find(self) -> AccountState:
        """Find all that is known."""
        return find_state(self._redis)

    def held(self) -> frozenset[str]:
        """Return whose mail is held, at most seconds old. While Redis fails, what was last known.

        All threads of a process share it: each look replaces it whole.
        """
        now = self._clock()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            with suppress(RedisError):
                self._held = _held_in(cast("bytes | None", self._redis.hget(ACCOUNT_KEY, "held")))
        return self._held

    def note_account(self, account: Account, now: float) -> None:
        """Note what SES says now."""
        before = self.find()
        stands_so = before.account is not None and _standing(before.account) == _standing(account)
        since = before.standing_since if stands_so else now
        self._write(
            account=json.dumps([asdict(account), now, since]),
            failing="",
            **{ACCOUNT_RATE: str(account.per_second)},
        )

    def note_failing(self, code: str, now: float) -> None:
        """Note that the account can't be read."""
        before = self.find()
        since = before.failing_since if before.failing else now
        self._write(failing=json.dumps([code, since]))

    def note_judged(self, sending: Sending, held: frozenset[str], now: float) -> None:
        """Note how much was sent and came back, and whose mail is held for it."""
        before = self.find()
        since = (before.held_since if before.held else now) if held else None
        self._write(
            sending=json.dumps([asdict(sending), now]), held=json.dumps([sorted(held), since])
        )

    def count_sending(self, now: float) -> Sending:
        """Count the mails of the last 24 hours, from the tally; canaries left out."""
        minute = int(now // 60)
        names = ("forwarded", "replied", "canaries", "bounced", "complained")
        counts = sum_counts(self._redis, range(minute - _MINUTES + 1, minute + 1), names)
        sent = counts["forwarded"] + counts["replied"] - counts["canaries"]
        return Sending(max(0, sent), counts["bounced"], counts["complained"])

    def _write(self, **fields: str) -> None:
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(ACCOUNT_KEY, mapping=dict[Any, Any](fields))
            pipeline.expire(ACCOUNT_KEY, _KEPT_SECONDS)
            pipeline.execute()


def find_state(client: "Redis") -> AccountState:
    """Find all that is known of the account."""
    found = cast("dict[bytes, bytes]", client.hgetall(ACCOUNT_KEY))
    account, read_at, standing_since = _read(found, b"account", (None, None, None))
    failing, failing_since = _read(found, b"failing", ("", None))
    sending, judged_at = _read(found, b"sending", (None, None))
    _, held_since = _read(found, b"held", ((), None))
    return AccountState(
        account=Account(**account) if account else None,
        read_at=read_at,
        standing_since=standing_since,
        failing=failing,
        failing_since=failing_since,
        sending=Sending(**sending) if sending else None,
        judged_at=judged_at,
        held=_held_in(found.get(b"held")),
        held_since=held_since,
    )


def _held_in(text: bytes | None) -> frozenset[str]:
    return frozenset(json.loads(text)[0]) if text else frozenset()


def _read(found: Mapping[bytes, bytes], name: bytes, default: tuple[Any, ...]) -> Any:
    return json.loads(found[name]) if found.get(name) else default


def _standing(account: Account) -> tuple[bool, str]:
    return account.is_paused, account.standing
