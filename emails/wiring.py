"""Builds the domain's ports from its settings."""

import time
from datetime import timedelta
from functools import partial

from emails import tracker_lists
from emails.config import DomainConfig
from emails.edges import clock, digest_mail, note, notice_mail, s3, ses
from emails.edges.brake import RedisBrake
from emails.edges.guarded import GuardedMailer, GuardedMailStore
from emails.edges.pace import SharedPace
from emails.edges.pending_deletions import PendingDeletions
from emails.edges.presence import RedisPresence
from emails.edges.send_notes import RedisSendNotes
from emails.flow.context import Ports
from emails.models import LANGUAGES
from emails.values.facts import Policy, Volume
from runtime.aws import make_session
from runtime.breakers import breakers_of
from runtime.redis_client import connect

_CLAIM_MARGIN = timedelta(seconds=15)


def build_ports(config: DomainConfig, secret_key: str) -> tuple[Ports, PendingDeletions]:
    """Build the ports and the pending deletions: once per process, AWS clients are slow to make.

    `secret_key` is used if `REPLY_SECRET` is not set. Opens no connections.
    """
    policy, session, redis = (
        policy_of(config),
        make_session(config.region),
        connect(config.redis_url),
    )
    breakers = breakers_of(config.redis_url)
    mail_store = GuardedMailStore(s3.connect(session), breakers)
    pending_deletions = PendingDeletions(redis, mail_store, policy.bucket)
    ports = Ports(
        policy=policy,
        reply_secret=reply_secret_of(config, secret_key),
        mail_store=mail_store,
        delete_later=pending_deletions.add,
        mailer=GuardedMailer(ses.connect(session, config.configuration_set), breakers),
        send_notes=RedisSendNotes(redis),
        presence=RedisPresence(redis),
        pace=SharedPace(redis, config.max_sends_per_second),
        brake=RedisBrake(redis),
        make_note=partial(note.forward_note, secret=reply_secret_of(config, secret_key)),
        make_block_url=partial(note.block_url, secret=reply_secret_of(config, secret_key)),
        note_wordings=partial(note.note_wordings, languages=tuple(dict(LANGUAGES))),
        make_notice=notice_mail.notice_mail,
        make_digest=digest_mail.digest_mail,
        trackers=tracker_lists.load(config.tracker_list_dir),
        clock=clock.read,
        clock_watch=clock.DatabaseClockWatch(),
        sleep=time.sleep,
    )
    return ports, pending_deletions


def reply_secret_of(config: DomainConfig, secret_key: str) -> bytes:
    """Return the secret from which the keys of reply records and blocked senders are derived."""
    return (config.reply_secret or secret_key).encode()


def policy_of(config: DomainConfig) -> Policy:
    """Return the settings that `rules` and `flow` need."""
    return Policy(
        mask_domains=config.mask_domains,
        replies_address=config.replies_address,
        from_address=config.from_address,
        bucket=config.bucket,
        warning_url=f"{config.site_origin.rstrip('/')}/emails/tracker-warning/",
        probe_after=tuple(
            timedelta(seconds=seconds) for seconds in config.mailbox_probe_after_seconds
        ),
        probe_wait=timedelta(seconds=config.mailbox_probe_wait_seconds),
        abuse_pause=timedelta(days=config.abuse_pause_days),
        keep_held=timedelta(days=config.keep_held_days),
        mask_limit=Volume(config.mask_mails_per_day, config.mask_bytes_per_day),
        sender_limit=Volume(config.sender_mails_per_day, config.sender_bytes_per_day),
        max_replies_per_day=config.max_replies_per_day,
        max_masks_per_day=config.max_masks_per_day,
        max_masks_per_sender=config.sender_masks_per_day,
        # Outlasts every attempt, so an expired claim means that its worker died.
        claim_duration=timedelta(seconds=config.max_seconds_per_message) + _CLAIM_MARGIN,
        send_event_wait=(
            timedelta(seconds=config.send_event_wait_seconds) if config.send_events else None
        ),
        ses_id_domain=_ses_id_domain(config.region),
    )


def _ses_id_domain(region: str) -> str:
    """Return the domain of SES's Message-IDs. That of its first region is another kind of name."""
    host = "email" if region == "us-east-1" else region
    return f"{host}.amazonses.com"
