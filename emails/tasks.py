"""The Dramatiq actors: one handles notifications, the others are periodic jobs."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Lock

import dramatiq
from django.conf import settings
from dramatiq.middleware import CurrentMessage
from periodiq import cron

from emails.edges import events
from emails.flow import canaries, mailbox_probes, reputation
from emails.flow.blocked_names import name_blocked_senders
from emails.flow.clearing import clear_ended_mails, expire_held_mails
from emails.flow.context import Ports
from emails.flow.digests import send_digests
from emails.flow.handle import handle
from emails.flow.looking_up import look_up_held
from emails.flow.releasing import LANES, release_lane
from emails.relay_import.retention import remove_old_imported_replies
from emails.store import retention
from emails.store.held_releases import (
    is_any_to_release,
    release_after_freezes,
    release_after_limits,
)
from emails.values.errors import NotFinished, Refused
from emails.values.notifications import Notification, mail_ids, parse
from emails.wire import (
    ACTOR_NAME,
    BULK_QUEUE,
    DEFAULT_QUEUE,
    FEEDBACK_QUEUE,
    INBOUND_QUEUE,
    SQS_MESSAGE_ID,
)
from emails.wiring import build_ports
from runtime.breakers import breakers_of
from runtime.controls.values import Action
from runtime.controls.watch import ControlWatch, controls_of
from runtime.message_context import begin, current, first_id

_building_ports = Lock()

_DIGEST_SECONDS = 300

_MANY_FROZEN = 5_000

_LANE_SECONDS = 25
"""How long a lane begins further releases. It is started each minute."""

_LANE_LIMIT_MS = (_LANE_SECONDS + 60) * 1000


@dramatiq.actor(actor_name=ACTOR_NAME, queue_name=INBOUND_QUEUE, throws=(Refused, NotFinished))
def process_notification(*, envelope: str) -> None:
    """Handle one SES notification, once it is proved to be SNS's.

    `throws` dead-letters `Refused` at once, and keeps Dramatiq from logging an error with a
    traceback for what was refused or put back: a line of ours says so already.
    """
    message = CurrentMessage.get_current_message()
    sqs_message_id = str(message.options.get(SQS_MESSAGE_ID, "")) if message else ""
    published = settings.AUTHENTICATE(envelope, sqs_message_id)
    ports = _ports()
    notification = parse(published.notification)
    _note_ids(notification, published.sns_message_id)
    handle(notification, published.sns_message_id, ports=ports, now=datetime.now(UTC))


def _note_ids(notification: Notification, sns_message_id: str) -> None:
    """Replace the ids that were in Redis by those that SNS signed."""
    begin(
        replace(
            current(),
            sns_message_id=first_id(sns_message_id),
            mail_id=first_id(*mail_ids(notification)),
        )
    )


# The same actor serves all three queues; the ledger chooses the queue of each message.
for queue in (BULK_QUEUE, FEEDBACK_QUEUE):
    dramatiq.get_broker().declare_queue(queue)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, periodic=cron("7-57/10 * * * *"), max_retries=0)
def clean_up() -> None:
    """Remove rows past their retention period. A run is bounded; the next one continues."""
    now, config = datetime.now(UTC), settings.CONFIG
    replies = timedelta(days=config.reply_retention_days)
    labels = timedelta(days=config.stale_mask_days)
    events.data_removed("deliveries", retention.remove_old_deliveries(now))
    events.data_removed("held_mail_records", retention.remove_old_held_mails(now))
    events.data_removed("replies", retention.remove_old_replies(now, replies))
    events.data_removed("imported_replies", remove_old_imported_replies(now, replies))
    held_for = timedelta(days=config.keep_held_days)
    events.data_removed("held_digests", retention.remove_old_digests(now, held_for))
    events.data_removed("abuse_counters", retention.remove_old_counters(now))
    events.data_removed("sender_counters", retention.remove_old_sender_counters(now))
    events.data_removed("abuse_pauses", retention.remove_old_abuse_pauses(now))
    events.data_removed("mask_labels", retention.erase_stale_labels(now, labels))


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def drive_mailbox_breakers() -> None:
    """Probe mailboxes that bounced, and release the mail of those that take it again."""
    ports = _ports()
    mailbox_probes.drive(ports, datetime.now(UTC))


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("4-54/10 * * * *"), max_retries=0, time_limit=400_000
)
def send_held_digests() -> None:
    """Tell owners of held mails: once a day each, at most. A run is bounded; the next continues."""
    is_paused = _controls().is_paused(Action.PAUSE_SENDING)
    if is_paused or breakers_of(settings.CONFIG.redis_url).find_open():
        return
    ports = _ports()
    until = time.monotonic() + _DIGEST_SECONDS
    send_digests(ports, lambda: datetime.now(UTC), lambda: time.monotonic() >= until)


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def send_canary() -> None:
    """Send a mail of our own to our own mask, if there is one."""
    if settings.CONFIG.canary_mask is not None:
        ports = _ports()
        canaries.send_canary(ports.policy, ports.mailer, ports.canary, datetime.now(UTC))


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def watch_account() -> None:
    """Ask SES about the account that we send with, and judge what comes back of our mail."""
    ports, now = _ports(), datetime.now(UTC)
    if settings.CONFIG.watches_account:
        reputation.read_account(ports, now)
    reputation.judge_sending(ports, now)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0)
def release_held_mails() -> None:
    """Start the lanes of releases. The database knows what is left to release, not Redis."""
    if is_any_to_release() and not _controls().is_paused(Action.PAUSE_SENDING):
        for lane in range(LANES):
            release_held_mails_of_lane.send(lane=lane)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, periodic=cron("3-53/10 * * * *"), max_retries=0)
def release_mails_held_for_limits() -> None:
    """Release the oldest mails that were held for a limit of an earlier day."""
    if released := release_after_limits(datetime.now(UTC)):
        events.released_after_limits(released)


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def release_frozen_mails() -> None:
    """Release the oldest mails that were held for a freeze that is over."""
    controls = _controls()
    if not controls.are_known():
        return
    in_force = [one.id for one in controls.find_active()]
    if released := release_after_freezes(in_force, datetime.now(UTC), _MANY_FROZEN):
        events.released_after_freezes(released)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, max_retries=0, time_limit=_LANE_LIMIT_MS)
def release_held_mails_of_lane(*, lane: int) -> None:
    """Release held mails of every `LANES`-th owner for a while; the next run continues."""
    ports = _ports()
    until = time.monotonic() + _LANE_SECONDS
    release_lane(ports, lane, lambda: datetime.now(UTC), lambda: time.monotonic() >= until)


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def read_blocked_senders() -> None:
    """Read who it is that owners blocked on their page of held mails."""
    ports = _ports()
    name_blocked_senders(ports, datetime.now(UTC))


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def expire_and_clear_held_mails() -> None:
    """End held mails whose time is over, and delete ended ones from S3."""
    ports = _ports()
    now = datetime.now(UTC)
    expire_held_mails(now)
    clear_ended_mails(ports.mail_store, now)


def _controls() -> ControlWatch:
    return controls_of(settings.CONFIG.redis_url, settings.CONFIG.ledger_secrets)


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def look_up_held_masks() -> None:
    """Look up the masks of mails that are held because they could not be looked up."""
    ports = _ports()
    look_up_held(ports, datetime.now(UTC))


def _ports() -> Ports:
    with _building_ports:
        return _build_ports()


@lru_cache(maxsize=1)
def _build_ports() -> Ports:
    return build_ports(settings.CONFIG, settings.REPLY_SECRETS)
