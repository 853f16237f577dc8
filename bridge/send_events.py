"""SES's `Send` events: noted in Redis at once, and deleted from SQS a minute later.

Redis may lose a note before the worker that needs it has looked. Until then the event stays hidden
in SQS, and this bridge remembers it: if Redis was wiped, it notes the event again; if the bridge
dies, SQS delivers the event to another one.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bridge.config import SQS_MAX_BATCH
from bridge.ledger.confirmations import Confirmations
from bridge.messages import Handle, Message
from bridge.ports import Queue, QueueUnavailable, QueueUnusable
from bridge.sns.routing import SendConfirmed

logger = logging.getLogger(__name__)

_MARGIN_SECONDS = 10
_TEND_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Kept:
    handle: Handle
    send: SendConfirmed
    until: float


class SendEvents:
    """The events that one bridge has noted and not yet deleted. Used by the poller's thread."""

    def __init__(
        self,
        queue: Queue,
        confirmations: Confirmations,
        keep_seconds: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._confirmations = confirmations
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._kept: deque[_Kept] = deque()
        self._tend_at = 0.0
        self._has_noted_all = False

    def confirm(self, sends: Sequence[tuple[Message, SendConfirmed]]) -> None:
        """Note events, and keep them for a while. Raises `RedisError` if Redis takes no notes."""
        if not sends:
            return
        now_ms = int(time.time() * 1000)
        fresh = [
            min(message.sent_at_ms, send.at_ms or message.sent_at_ms)
            for message, send in sends
            if message.receive_count == 1
        ]
        delay_seconds = (now_ms - min(fresh)) / 1000 if fresh else None
        if canaries := [send.at_ms or now_ms for _, send in sends if send.is_canary]:
            self._confirmations.note_canary(max(canaries))
        self._confirmations.note([(send.delivery, send.ses_id) for _, send in sends], delay_seconds)
        until = self._clock() + self._keep_seconds
        handles = [Handle(message.message_id, message.receipt_handle) for message, _ in sends]
        self._kept.extend(
            _Kept(handle, send, until) for handle, (_, send) in zip(handles, sends, strict=True)
        )
        hidden_seconds = self._keep_seconds + _MARGIN_SECONDS
        hide = partial(self._queue.change_visibility, handles, hidden_seconds)
        self._try("hide", hide)

    def tend(self) -> None:
        """Note again what Redis has lost, and delete the events that were kept for long enough."""
        now = self._clock()
        if now < self._tend_at or not self._kept:
            return
        self._tend_at = now + _TEND_SECONDS
        if self._confirmations.were_lost():
            self._note_all()
        while due := self._take_due(now):
            self._try("delete", partial(self._queue.delete, due))

    def _note_all(self) -> None:
        self._confirmations.note_all(
            [(kept.send.delivery, kept.send.ses_id) for kept in self._kept]
        )
        if self._has_noted_all:
            logger.info("sends noted again", extra={"message_count": len(self._kept)})
        self._has_noted_all = True

    def _take_due(self, now: float) -> list[Handle]:
        due: list[Handle] = []
        while self._kept and self._kept[0].until <= now and len(due) < SQS_MAX_BATCH:
            due.append(self._kept.popleft().handle)
        return due

    def _try(self, what: str, act: Callable[[], object]) -> None:
        """Hide or delete events. If that fails, SQS delivers them again, and they end the same."""
        try:
            act()
        except (QueueUnavailable, QueueUnusable) as error:
            logger.warning(
                "send events not changed",
                extra={"change": what, "client_error_code": error.code},
            )
