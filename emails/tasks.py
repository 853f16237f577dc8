"""The Dramatiq actors: one handles notifications, the others are periodic jobs."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Lock

import dramatiq
from django.conf import settings
from periodiq import cron

from emails.edges import events
from emails.edges.pending_deletions import PendingDeletions
from emails.flow import mailbox_probes
from emails.flow.blocked_names import name_blocked_senders
from emails.flow.clearing import clear_ended_mails, expire_held_mails
from emails.flow.context import Ports
from emails.flow.digests import send_digests
from emails.flow.handle import handle
from emails.flow.releasing import LANES, release_lane
from emails.store import retention
from emails.store.held_releases import is_any_to_release, release_after_limits
from emails.values.errors import NotFinished, Refused
from emails.values.notifications import parse
from emails.wire import ACTOR_NAME, DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from emails.wiring import build_ports
from runtime.breakers import breakers_of

_building_ports = Lock()

_DIGEST_SECONDS = 300

_LANE_SECONDS = 25
"""How long a lane begins further releases. It is started each minute."""

_LANE_LIMIT_MS = (_LANE_SECONDS + 60) * 1000


@dramatiq.actor(actor_name=ACTOR_NAME, queue_name=INBOUND_QUEUE, throws=(Refused, NotFinished))
def process_notification(*, sns_message_id: str, notification: str) -> None:
    """Handle one SES notification.

    `throws` dead-letters `Refused` at once, and keeps Dramatiq from logging an error with a
    traceback for what was refused or put back: a line of ours says so already.
    """
    ports, _ = _ports()
    handle(parse(notification), sns_message_id, ports=ports, now=datetime.now(UTC))


# The same actor serves both queues; the bridge chooses the queue of each message.
dramatiq.get_broker().declare_queue(FEEDBACK_QUEUE)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, periodic=cron("7-57/10 * * * *"), max_retries=0)
def clean_up() -> None:
    """Remove rows past their retention period. A run is bounded; the next one continues."""
    now, config = datetime.now(UTC), settings.CONFIG
    replies = timedelta(days=config.reply_retention_days)
    labels = timedelta(days=config.stale_mask_days)
    events.data_removed("deliveries", retention.remove_old_deliveries(now))
    events.data_removed("held_mail_records", retention.remove_old_held_mails(now))
    events.data_removed("replies", retention.remove_old_replies(now, replies))
    held_for = timedelta(days=config.keep_held_days)
    events.data_removed("held_digests", retention.remove_old_digests(now, held_for))
    events.data_removed("abuse_counters", retention.remove_old_counters(now))
    events.data_removed("sender_counters", retention.remove_old_sender_counters(now))
    events.data_removed("abuse_pauses", retention.remove_old_abuse_pauses(now))
    events.data_removed("mask_labels", retention.erase_stale_labels(now, labels))


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def delete_discarded_mails() -> None:
    """Delete processed mails that are still in S3."""
    _, pending_deletions = _ports()
    if deleted := pending_deletions.flush():
        events.data_removed("mails", deleted)


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def drive_mailbox_breakers() -> None:
    """Probe mailboxes that bounced, and release the mail of those that take it again."""
    ports, _ = _ports()
    mailbox_probes.drive(ports, datetime.now(UTC))


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("4-54/10 * * * *"), max_retries=0, time_limit=400_000
)
def send_held_digests() -> None:
    """Tell owners of held mails: once a day each, at most. A run is bounded; the next continues."""
    if breakers_of(settings.CONFIG.redis_url).find_open():
        return
    ports, _ = _ports()
    until = time.monotonic() + _DIGEST_SECONDS
    send_digests(ports, lambda: datetime.now(UTC), lambda: time.monotonic() >= until)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0)
def release_held_mails() -> None:
    """Start the lanes of releases. The database knows what is left to release, not Redis."""
    if is_any_to_release():
        for lane in range(LANES):
            release_held_mails_of_lane.send(lane=lane)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, periodic=cron("3-53/10 * * * *"), max_retries=0)
def release_mails_held_for_limits() -> None:
    """Release the oldest mails that were held for a limit of an earlier day."""
    if released := release_after_limits(datetime.now(UTC)):
        events.released_after_limits(released)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, max_retries=0, time_limit=_LANE_LIMIT_MS)
def release_held_mails_of_lane(*, lane: int) -> None:
    """Release held mails of every `LANES`-th owner for a while; the next run continues."""
    ports, _ = _ports()
    until = time.monotonic() + _LANE_SECONDS
    release_lane(ports, lane, lambda: datetime.now(UTC), lambda: time.monotonic() >= until)


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def read_blocked_senders() -> None:
    """Read who it is that owners blocked on their page of held mails."""
    ports, _ = _ports()
    name_blocked_senders(ports, datetime.now(UTC))


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def expire_and_clear_held_mails() -> None:
    """End held mails whose time is over, and delete ended ones from S3."""
    ports, _ = _ports()
    now = datetime.now(UTC)
    expire_held_mails(now)
    clear_ended_mails(ports.mail_store, now)


def _ports() -> tuple[Ports, PendingDeletions]:
    with _building_ports:
        return _build_ports()


@lru_cache(maxsize=1)
def _build_ports() -> tuple[Ports, PendingDeletions]:
    return build_ports(settings.CONFIG, settings.SECRET_KEY)
