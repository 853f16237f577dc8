"""Keeps messages hidden in SQS that a bridge has received and can't dispatch now."""

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from bridge.messages import MAX_HIDDEN_SECONDS, Handle
from bridge.ports import Queue, QueueUnavailable, QueueUnusable

logger = logging.getLogger(__name__)

_LONGEST_SECONDS = MAX_HIDDEN_SECONDS - 3600


class Kept(Protocol):
    """A message that is kept hidden: its handle, and since when, by a monotonic clock."""

    @property
    def handle(self) -> Handle:
        """Its newest receipt handle."""

    @property
    def since(self) -> float:
        """When it was received."""


K = TypeVar("K", bound=Kept)


def drop(kept: dict[str, K], handles: Iterable[Handle]) -> None:
    """Keep these no longer."""
    for handle in handles:
        kept.pop(handle.message_id, None)


def extend(queue: Queue, kept: dict[str, K], visibility_seconds: int, now: float) -> None:
    """Extend the visibility of all, and let go what SQS would not hide much longer.

    Errors of SQS pass through; the next heartbeat tries again.
    """
    expired = [one.handle for one in kept.values() if one.since <= now - _LONGEST_SECONDS]
    drop(kept, expired)
    queue.change_visibility(expired, 0)
    handles = [one.handle for one in kept.values()]
    failed = queue.change_visibility(handles, visibility_seconds)
    # It is visible already, or was received by another bridge.
    drop(kept, [one.handle for one in failed if not one.may_retry])


def release(queue: Queue, handles: Sequence[Handle]) -> None:
    """Let other bridges have these, at once. What fails is visible again soon."""
    if not handles:
        return
    try:
        queue.change_visibility(handles, 0)
    except (QueueUnavailable, QueueUnusable) as error:
        logger.warning("messages not shown again", extra={"client_error_code": error.code})
        return
    logger.info("hidden messages released", extra={"message_count": len(handles)})
