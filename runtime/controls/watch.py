"""How a process follows the controls: it reads them once a second.

While Redis can't be read, what is known stays in force until it ends. If Redis has lost a control
that this process knew of, it isn't in force any more, and the process says so.

    any thread   asks. One of them reads, at most once a second; the others go by what is known.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache

import markus
from redis.exceptions import RedisError

from runtime.controls.store import ControlStore
from runtime.controls.values import Action, Control
from runtime.failures import fields_of
from runtime.redis_client import connect_fail_fast
from runtime.seals import Seals

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("controls")

REFRESH_SECONDS = 1.0


class ControlWatch:
    """The controls in force, as of a second ago at most. Never raises an error of Redis."""

    def __init__(
        self,
        store: ControlStore,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._raw: dict[bytes, bytes] = {}
        self._known: dict[str, Control] = {}
        self._read_at = float("-inf")
        self._is_away = False
        self._has_read = False

    def find_active(self) -> list[Control]:
        """Return the controls in force, the oldest first."""
        if self._monotonic() - self._read_at >= REFRESH_SECONDS and self._lock.acquire(
            blocking=self._read_at == float("-inf")
        ):
            try:
                self._refresh()
            finally:
                self._lock.release()
        now_ms = self._now_ms()
        return [one for one in self._known.values() if one.is_active(now_ms)]

    def are_known(self) -> bool:
        """Return whether Redis could be read, at least once."""
        self.find_active()
        return self._has_read

    def is_paused(self, action: Action) -> bool:
        """Return whether a control of this kind is in force."""
        return any(one.action is action for one in self.find_active())

    def find_first(self, is_meant: Mapping[Action, Callable[[str], bool]]) -> Control | None:
        """Find the first control in force whose target is meant; each action has its test."""
        never: Callable[[str], bool] = lambda target: False  # noqa: E731
        active = self.find_active()
        return next((one for one in active if is_meant.get(one.action, never)(one.target)), None)

    def _refresh(self) -> None:
        self._read_at = self._monotonic()
        try:
            raw = self._store.find_raw()
        except RedisError as error:
            if not self._is_away:
                logger.warning("controls not read", extra=fields_of(error))
            self._is_away = True
            return
        self._is_away, self._has_read = False, True
        if raw != self._raw:
            self._learn(self._store.read(raw))
            self._raw = raw

    def _learn(self, found: list[Control]) -> None:
        now_ms, before = self._now_ms(), self._known
        self._known = {one.id: one for one in found}
        for one in found:
            was_active = one.id in before and before[one.id].is_active(now_ms)
            if one.is_active(now_ms) and not was_active:
                logger.warning("control in force", extra=_fields(one))
            elif was_active and not one.is_active(now_ms):
                logger.warning("control ended", extra=_fields(one))
        lost = [
            one for one in before.values() if one.is_active(now_ms) and one.id not in self._known
        ]
        if lost:
            self._report_lost(lost, now_ms)

    def _report_lost(self, lost: list[Control], now_ms: int) -> None:
        for one in lost:
            logger.error("control lost", extra=_fields(one))
        metrics.incr("lost", len(lost))
        try:
            self._store.note_lost(len(lost), now_ms)
        except RedisError as error:
            logger.warning("controls not read", extra=fields_of(error))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _fields(control: Control) -> dict[str, object]:
    return {"control_id": control.id, "action": control.action.value, "target": control.target}


@lru_cache(maxsize=1)
def controls_of(redis_url: str, ledger_secrets: tuple[str, ...]) -> ControlWatch:
    """Return the watch of this process, the same object wherever it needs one."""
    return ControlWatch(ControlStore(connect_fail_fast(redis_url), Seals(ledger_secrets)))
