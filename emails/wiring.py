"""Builds the domain's ports from its settings."""

import time
from datetime import timedelta
from functools import partial

from emails import tracker_lists
from emails.config import DomainConfig
from emails.edges import clock, digest_mail, note, notice_mail, s3, ses
from emails.edges.account import SesAccount
from emails.edges.account_notes import RedisAccountNotes
from emails.edges.brake import RedisBrake
from emails.edges.canary import RedisCanary
from emails.edges.controls import WatchedControls
from emails.edges.guarded import GuardedMailer, GuardedMailStore
from emails.edges.left_replies import LeftReplies
from emails.edges.mail_memory import MailMemory
from emails.edges.pace import MAX_WAIT_SECONDS, SharedPace
from emails.edges.ports import MailStore
from emails.edges.presence import RedisPresence
from emails.edges.send_notes import RedisSendNotes
from emails.flow.context import Ports
from emails.models import LANGUAGES
from emails.relay_import.lookup import FirefoxRelay
from emails.values.account import ReputationLimits
from emails.values.facts import Policy, Volume
from runtime.aws import make_session
from runtime.breakers import breakers_of
from runtime.controls.watch import controls_of
from runtime.redis_client import connect
from runtime.seals import Seals

_CLAIM_MARGIN = timedelta(seconds=15)


def build_ports(config: DomainConfig, reply_secrets: tuple[bytes, ...]) -> Ports:
    """Build the ports: once per process, AWS clients are slow to make.

    `reply_secrets`: the newest first. Opens no connections.
    """
    policy, session, redis = (
        policy_of(config),
        make_session(config.region),
        connect(config.redis_url),
    )
    breakers, seals = breakers_of(config.redis_url), Seals(config.ledger_secrets)
    return Ports(
        policy=policy,
        reply_secrets=reply_secrets,
        mail_store=GuardedMailStore(s3.connect(session), breakers),
        make_room=MailMemory(config.max_large_mail_bytes).room,
        mailer=GuardedMailer(ses.connect(session, config.configuration_set), breakers),
        send_notes=RedisSendNotes(redis, seals),
        presence=RedisPresence(redis),
        pace=SharedPace(
            redis,
            config.max_sends_per_second,
            # The wait is part of the attempt, which must still have time to send.
            max_wait_seconds=min(MAX_WAIT_SECONDS, config.max_seconds_per_message / 4),
        ),
        account=SesAccount(session),
        account_notes=RedisAccountNotes(redis),
        controls=WatchedControls(controls_of(config.redis_url, config.ledger_secrets)),
        predecessor=FirefoxRelay(config),
        may_leave=LeftReplies(
            redis, config.side_by_side_releases if config.side_by_side else 0
        ).may_leave,
        brake=RedisBrake(redis),
        canary=RedisCanary(redis),
        make_note=partial(note.forward_note, secret=reply_secrets[0]),
        make_block_url=partial(note.block_url, secret=reply_secrets[0]),
        note_wordings=partial(note.note_wordings, languages=tuple(dict(LANGUAGES))),
        make_notice=notice_mail.notice_mail,
        make_digest=digest_mail.digest_mail,
        trackers=tracker_lists.load(config.tracker_list_dir),
        clock=clock.read,
        clock_watch=clock.DatabaseClockWatch(),
        sleep=time.sleep,
    )


def build_mail_store(config: DomainConfig) -> MailStore:
    """Build the mail store alone, for commands. Opens no connections."""
    return s3.connect(make_session(config.region))


def policy_of(config: DomainConfig) -> Policy:
    """Return the settings that `rules` and `flow` need."""
    return Policy(
        mask_domains=config.mask_domains,
        replies_address=config.replies_address,
        from_address=config.from_address,
        old_replies_address=config.old_replies_address,
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
        # The last recipient of a portion must still be settled within the attempt.
        portion=timedelta(seconds=config.max_seconds_per_message / 4),
        canary_mask=config.canary_mask,
        reputation=ReputationLimits(
            bounces=config.max_bounce_percent / 100,
            complaints=config.max_complaint_percent / 100,
            may_brake=config.may_brake,
        ),
    )


def _ses_id_domain(region: str) -> str:
    """Return the domain of SES's Message-IDs. That of its first region is another kind of name."""
    host = "email" if region == "us-east-1" else region
    return f"{host}.amazonses.com"
