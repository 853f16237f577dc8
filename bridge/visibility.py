"""Keeps messages in flight hidden from other consumers, and recovers those that Redis lost.

The bridge leases each message it dispatches. At each heartbeat it looks all leases up in Redis: it
extends the visibility of what is still in flight, drops what has ended, and releases what Redis
no longer knows, so that SQS delivers it again. Before that it leases the messages of bridges that
are gone: they stay hidden, and are not received a second time. What has ended stays hidden, too,
until its delete is confirmed.

    poller thread              `Leases.add`
    heartbeat thread           `Visibility.beat`
    main thread, at shutdown   `Visibility.drop_ended`, `len(leases)`
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import markus

from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.adoption import Adoption
from bridge.ledger.in_flight import Entry, InFlight
from bridge.loops import REMOTE_ERRORS
from bridge.messages import MAX_HIDDEN_SECONDS, Handle
from bridge.ports import Queue
from runtime.failures import fields_of
from runtime.message_context import MessageContext, about

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")

_STEP_SECONDS = 600

_BEATS_OF_LIFE = 1.5
"""For how many heartbeats a bridge counts as alive after its last one. Another's next heartbeat
comes one later at most: two and a half after the dead bridge last extended its messages."""


def longest_seconds(received_at_ms: int, now_ms: int) -> int:
    """Return how long SQS may be asked to hide a message from now on.

    In steps of ten minutes, so that messages of one batch share a call, and at least a minute less
    than SQS allows: it refuses a longer time altogether, and hosts' clocks differ.
    """
    left = MAX_HIDDEN_SECONDS - 60 - (now_ms - received_at_ms) / 1000
    return max(60, min(MAX_HIDDEN_SECONDS - 60, int(left // _STEP_SECONDS * _STEP_SECONDS)))


class Leases:
    """The messages that this bridge keeps hidden, by id, with their handles. Thread-safe."""

    def __init__(self) -> None:
        self._handles: dict[str, Handle] = {}
        self._about: dict[str, MessageContext] = {}
        self._lock = threading.Lock()

    def add(self, handle: Handle, message: MessageContext | None = None) -> None:
        """Lease a message. A newer receipt handle replaces the older one."""
        with self._lock:
            self._handles[handle.message_id] = handle
            self._about[handle.message_id] = message or MessageContext(handle.message_id)

    def drop(self, handles: Iterable[Handle]) -> None:
        """End leases, except those that have a newer handle by now."""
        with self._lock:
            for handle in handles:
                if self._handles.get(handle.message_id) == handle:
                    del self._handles[handle.message_id]
                    del self._about[handle.message_id]

    def snapshot(self) -> list[Handle]:
        """Copy all leases."""
        with self._lock:
            return list(self._handles.values())

    def about(self, handle: Handle) -> MessageContext:
        """Say which message it is, as far as that is known."""
        return self._about.get(handle.message_id) or MessageContext(handle.message_id)

    def find_oldest_ms(self) -> int | None:
        """Find when SES received the oldest of these (ms); None: there is none, or none says."""
        with self._lock:
            known = [one.received_at_ms for one in self._about.values() if one.received_at_ms]
        return min(known, default=None)

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
        acknowledgements: Acknowledgements,
        adoption: Adoption,
        bridge: str,
        heartbeat_seconds: float,
        visibility_seconds: int,
    ) -> None:
        self._queue = queue
        self._acknowledgements = acknowledgements
        self._adoption = adoption
        self._heartbeat_seconds = heartbeat_seconds
        self._in_flight = in_flight
        self._leases = leases
        self._bridge = bridge
        self._visibility_seconds = visibility_seconds

    def beat(self) -> Plan:
        """Do one heartbeat. Errors of Redis and SQS pass through; the next beat tries again."""
        self._adoption.stay(self._heartbeat_seconds * _BEATS_OF_LIFE)
        found = self._in_flight.find_all()
        self._adopt(found)
        decided = self._plan()
        self._change("hide", decided.extend, self._visibility_seconds)
        self._change("show", decided.release, 0)
        self._leases.drop(decided.drop)
        self._in_flight.drop_lost(found)
        self._in_flight.settle_charges()
        self._hide_unconfirmed()
        if decided.release:
            logger.warning("messages lost by redis", extra={"message_count": len(decided.release)})
            metrics.incr("lost_by_redis", len(decided.release))
        return decided

    def leave(self) -> None:
        """Hide what is left for as long as others may need to adopt it, and let them."""
        try:
            self._change("hide", self._plan().extend, self._visibility_seconds)
            self._adoption.leave()
        except REMOTE_ERRORS as error:
            logger.warning("heartbeat not removed", extra=fields_of(error))

    def drop_ended(self) -> None:
        """Between heartbeats, end the leases of messages that have ended."""
        self._leases.drop(self._plan().drop)

    def _hide_unconfirmed(self) -> None:
        """Keep hidden what has ended and is not deleted yet: it must not be received again."""
        ended = self._acknowledgements.find_unconfirmed(
            self._queue.queue_name, self._heartbeat_seconds / 2
        )
        self._change("hide", ended, self._visibility_seconds)

    def _adopt(self, found: Mapping[str, Entry | None]) -> None:
        leased = {handle.message_id for handle in self._leases.snapshot()}
        entries = [entry for entry in found.values() if entry is not None]
        adopted = self._adoption.adopt(entries, leased)
        for handle in adopted:
            entry = found[handle.message_id]
            self._leases.add(handle, entry.about if entry else MessageContext(handle.message_id))
        if adopted:
            logger.info("messages adopted", extra={"message_count": len(adopted)})
            metrics.incr("adopted", len(adopted))

    def _plan(self) -> Plan:
        handles = self._leases.snapshot()
        entries = self._in_flight.find([handle.message_id for handle in handles])
        return plan(dict(zip(handles, entries, strict=True)), self._bridge)

    def _change(self, what: str, handles: list[Handle], seconds: int) -> None:
        for failed in self._queue.change_visibility(handles, seconds):
            # A receipt handle expires when the message is delivered again: to a bridge, which
            # then leases it, or moved to SQS's dead-letter queue.
            with about(self._leases.about(failed.handle)):
                logger.info(
                    "visibility not changed",
                    extra={
                        "sqs_message_id": failed.handle.message_id,
                        "client_error_code": failed.code,
                        "change": what,
                    },
                )
