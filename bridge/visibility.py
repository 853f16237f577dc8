"""Keeps the messages in flight hidden from other consumers, and notices what Redis has lost.

The bridge remembers what it has put in flight. At each heartbeat it asks Redis about all of it:
what is still in flight is hidden for longer, what has ended is forgotten, what Redis does not know
any more was lost and is shown again at once, to start anew.

    poller thread       calls `Leases.add`
    visibility thread   calls everything else
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
    """The messages this bridge has put in flight, by id, with their handles. Thread-safe."""

    def __init__(self) -> None:
        self._handles: dict[str, Handle] = {}
        self._lock = threading.Lock()

    def add(self, handle: Handle) -> None:
        """Hold a message from now on; a newer receipt handle takes the place of the older one."""
        with self._lock:
            self._handles[handle.message_id] = handle

    def drop(self, handles: Iterable[Handle]) -> None:
        """Hold messages no longer, unless a newer handle has come meanwhile."""
        with self._lock:
            for handle in handles:
                if self._handles.get(handle.message_id) == handle:
                    del self._handles[handle.message_id]

    def snapshot(self) -> list[Handle]:
        """Copy what is held."""
        with self._lock:
            return list(self._handles.values())

    def __len__(self) -> int:
        return len(self._handles)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one heartbeat does: hide for longer, show at once, forget what is not held any more."""

    extend: list[Handle] = field(default_factory=list)
    release: list[Handle] = field(default_factory=list)
    forget: list[Handle] = field(default_factory=list)


def plan(leases: Mapping[Handle, Entry | None], bridge: str) -> Plan:
    """Decide about each message held by `bridge`, from what Redis knows of it.

    A message whose lifetime is over has no entry either. Showing it is right in both cases: SQS
    delivers it again, and it is handed on anew.
    """
    decided = Plan()
    for handle, entry in leases.items():
        if entry is None or (entry.is_lost and entry.bridge == bridge):
            decided.release.append(entry.handle if entry else handle)
            decided.forget.append(handle)
        elif entry.is_in_flight and entry.bridge == bridge:
            decided.extend.append(entry.handle)
        else:
            decided.forget.append(handle)
    return decided


class Visibility:
    """The heartbeat over what one bridge holds."""

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
        """Do one heartbeat. Errors of Redis and of SQS pass through; the next beat tries again."""
        decided = self._plan()
        self._change("hide", decided.extend, self._visibility_seconds)
        self._change("show", decided.release, 0)
        self._leases.drop(decided.forget)
        self._in_flight.make_room()
        if decided.release:
            logger.warning("messages lost by redis", extra={"message_count": len(decided.release)})
            metrics.incr("lost_by_redis", len(decided.release))
        return decided

    def forget_ended(self) -> None:
        """Only forget what has ended, between two heartbeats."""
        self._leases.drop(self._plan().forget)

    def _plan(self) -> Plan:
        handles = self._leases.snapshot()
        entries = self._in_flight.find([handle.message_id for handle in handles])
        return plan(dict(zip(handles, entries, strict=True)), self._bridge)

    def _change(self, what: str, handles: list[Handle], seconds: int) -> None:
        for failed in self._queue.change_visibility(handles, seconds):
            # A receipt handle runs out when the message was delivered again: to a bridge, which
            # then holds it, or straight into SQS's dead-letter queue.
            logger.info(
                "visibility not changed",
                extra={
                    "sqs_message_id": failed.handle.message_id,
                    "client_error_code": failed.code,
                    "change": what,
                },
            )
