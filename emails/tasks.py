"""The actors: notifications come in from Dramatiq, and `NotFinished` becomes a retry."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from threading import Lock
from typing import Any

import dramatiq
from django.conf import settings
from periodiq import cron

from emails import aws, cleaning, events, render, tracker_lists
from emails.deliver import Edges
from emails.discards import Discards
from emails.errors import Refused
from emails.facts import Policy
from emails.handle import handle
from emails.notifications import parse
from emails.pace import Pace
from emails.store import Store
from emails.wire import ACTOR_NAME, DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from relay.config import RelayConfig

_CLAIM_MARGIN = timedelta(seconds=15)
_making_edges = Lock()


@dramatiq.actor(actor_name=ACTOR_NAME, queue_name=INBOUND_QUEUE, throws=(Refused,))
def process_notification(*, sns_message_id: str, notification: str) -> None:
    """Carry out one notification of SES.

    `Refused` is dead-lettered at once, by way of `throws`; all else is retried with backoff.
    """
    with _making_edges:
        edges, _ = _edges()
    handle(parse(notification), sns_message_id, edges=edges, now=datetime.now(UTC))


# The same actor works off both queues: the bridge names the queue of each message.
dramatiq.get_broker().declare_queue(FEEDBACK_QUEUE)


@dramatiq.actor(queue_name=DEFAULT_QUEUE, periodic=cron("7-57/10 * * * *"), max_retries=0)
def clean_up() -> None:
    """Remove what is over. Bounded; what a run leaves, the next one removes."""
    now, config = datetime.now(UTC), settings.CONFIG
    replies = timedelta(days=config.reply_retention_days)
    labels = timedelta(days=config.stale_mask_days)
    events.cleaned("deliveries", cleaning.remove_old_deliveries(now))
    events.cleaned("replies", cleaning.remove_old_replies(now, replies))
    events.cleaned("abuse_counters", cleaning.remove_old_counters(now))
    events.cleaned("mask_labels", cleaning.erase_stale_labels(now, labels))


@dramatiq.actor(
    queue_name=DEFAULT_QUEUE, periodic=cron("* * * * *"), max_retries=0, time_limit=50_000
)
def delete_discarded_mails() -> None:
    """Delete from S3 what is done with, and was not deleted yet."""
    with _making_edges:
        _, discards = _edges()
    if deleted := discards.empty():
        events.cleaned("mails", deleted)


def policy_of(config: RelayConfig) -> Policy:
    """Take from the settings what the rules need."""
    return Policy(
        mask_domains=config.mask_domains,
        replies_address=config.replies_address,
        from_address=config.from_address,
        bucket=config.bucket,
        warning_url=f"{config.site_origin.rstrip('/')}/emails/tracker-warning/",
        hard_bounce_pause=timedelta(days=config.hard_bounce_pause_days),
        soft_bounce_pause=timedelta(days=config.soft_bounce_pause_days),
        abuse_pause=timedelta(days=config.abuse_pause_days),
        max_mails_per_day=config.max_mails_per_day,
        max_bytes_per_day=config.max_bytes_per_day,
        max_replies_per_day=config.max_replies_per_day,
        max_masks_per_day=config.max_masks_per_day,
        max_domain_masks=config.max_domain_masks,
        # No attempt lasts as long, so a claim that ran out is one of a worker that died.
        claim=timedelta(seconds=config.max_seconds_per_message) + _CLAIM_MARGIN,
    )


@lru_cache(maxsize=1)
def _edges() -> tuple[Edges, Discards]:
    """Make the edges; once, since AWS's clients are slow to make."""
    config = settings.CONFIG
    policy = policy_of(config)
    mail_store, mailer = aws.connect(config.region, config.configuration_set)
    discards = Discards(_redis(), mail_store, policy.bucket)
    edges = Edges(
        policy=policy,
        store=Store(policy, (config.reply_secret or config.secret_key).encode()),
        mail_store=mail_store,
        discard=discards.add,
        mailer=mailer,
        pace=Pace(_redis(), config.max_sends_per_second),
        make_note=render.forward_note,
        make_notice=render.notice_mail,
        trackers=tracker_lists.load(config.tracker_list_dir),
        clock=partial(datetime.now, UTC),
        sleep=time.sleep,
    )
    return edges, discards


def _redis() -> Any:
    """Give the broker's own connections: Redis is known to Dramatiq, and not here."""
    return getattr(dramatiq.get_broker(), "client", None)
