"""Keeps messages in flight hidden from other consumers, and recovers those that Redis lost.

The bridge leases each message it dispatches. At each heartbeat it looks all leases up in Redis: it
extends the visibility of what is still in flight, drops what has ended, and releases what Redis
no longer knows, so that SQS delivers it again.

    poller thread              `Leases.add`
    heartbeat thread           `Visibility.beat`
    main thread, at shutdown   `Visibility.drop_ended`, `len(leases)`
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import markus

from bridge.ledger.in_flight import Entry, InFlight
from bridge.messages import Handle
from bridge.ports import Queue

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")


class Leases:
    """The messages that this bridge keeps hidden, by id, with their handles. Thread-safe."""

    def __init__(self) -> None:
        self._handles: dict[str, Handle] = {}
        self._lock = threading.Lock()

    def add(self, handle: Handle) -> None:
        """Lease a message. A newer receipt handle replaces the older one."""
        with self._lock:
            self._handles[handle.message_id] = handle

    def drop(self, handles: Iterable[Handle]) -> None:
        """End leases, except those that have a newer handle by now."""
        with self._lock:
            for handle in handles:
                if self._handles.get(handle.message_id) == handle:
                    del self._handles[handle.message_id]

    def snapshot(self) -> list[Handle]:
        """Copy all leases."""
        with self._lock:
            return list(self._handles.values())

    def __len__(self) -> int:
        return len(self._handles)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one heartbeat does: extend or release visibility, and end leases."""

    extend: list[Handle] = field(default_factory=list)
    release: list[Handle] = field(default_factory=list)
    drop: list[Handle] = field(default_factory=list)


def plan(leases: Mapping[Handle, Entry | None], bridge: str) -> Plan:
    """Decide about each message leased by `bridge`, from its entry in Redis.

    No entry means that Redis lost the message, or that its lifetime is over. Releasing it is right
    in both cases: SQS delivers it again, and it is dispatched again.
    """
    decided = Plan()
    for handle, entry in leases.items():
        if entry is None or (entry.is_lost and entry.bridge == bridge):
            decided.release.append(entry.handle if entry else handle)
            decided.drop.append(handle)
        elif entry.is_in_flight and entry.bridge == bridge:
            decided.extend.append(entry.handle)
        else:
            decided.drop.append(handle)
    return decided


class Visibility:
    """The heartbeat over one bridge's leases."""

    def __init__(
        self,
        queue: Queue,
        in_flight: InFlight,
        leases: Leases,
        *,
        bridge: str,
        visibility_seconds: int,
    ) -> None:
        self._queue = queue
        self._in_flight = in_flight
        self._leases = leases
        self._bridge = bridge
        self._visibility_seconds = visibility_seconds

    def beat(self) -> Plan:
        """Do one heartbeat. Errors of Redis and SQS pass through; the next beat tries again."""
        decided = self._plan()
        self._change("hide", decided.extend, self._visibility_seconds)
        self._change("show", decided.release, 0)
        self._leases.drop(decided.drop)
        self._in_flight.drop_lost()
        if decided.release:
            logger.warning("messages lost by redis", extra={"message_count": len(decided.release)})
            metrics.incr("lost_by_redis", len(decided.release))
        return decided

    def drop_ended(self) -> None:
        """Between heartbeats, end the leases of messages that have ended."""
        self._leases.drop(self._plan().drop)

    def _plan(self) -> Plan:
        handles = self._leases.snapshot()
        entries = self._in_flight.find([handle.message_id for handle in handles])
        return plan(dict(zip(handles, entries, strict=True)), self._bridge)

    def _change(self, what: str, handles: list[Handle], seconds: int) -> None:
        for failed in self._queue.change_visibility(handles, seconds):
            # A receipt handle expires when the message is delivered again: to a bridge, which
            # then leases it, or moved to SQS's dead-letter queue.
            logger.info(
                "visibility not changed",
                extra={
                    "sqs_message_id": failed.handle.message_id,
                    "client_error_code": failed.code,
                    "change": what,
                },
            )
