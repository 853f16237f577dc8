"""The settings of the domain: its addresses, its bucket, pauses, limits. No Django here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from emails.account_settings import AccountConfig
from emails.relay_settings import PredecessorConfig
from runtime.config import LedgerConfig, SharedConfig
from runtime.env import Retired, setting
from runtime.setting_kinds import (
    Kind,
    boolean,
    comma_separated,
    folder,
    integer,
    matching,
    optional,
    origin,
    text,
)

_DAYS = integer(0, 365, "days")


_NAME = r"[^\s@:/<>,]+\.[^\s@:/<>,.]+"
# With a wrong domain all mail would be somebody else's, and be dropped.
_DOMAIN = matching(_NAME, "a domain, such as masks.example")
_ADDRESS = matching(rf"[^\s@<>]+@{_NAME}", "a mail address, such as replies@masks.example")


_NAMED = re.compile(r"[^<>]*<([^<>]*)>")


def _named_address() -> Kind[str]:
    """A mail address, alone or as `Name <address>`."""

    def parse(value: str) -> str:
        found = _NAMED.fullmatch(value)
        return _ADDRESS.parse(found[1] if found else value)

    return Kind(parse, f"{_ADDRESS.allowed}, also as Relay <relay@masks.example>")


_NO_PAUSES = (
    "Nobody is paused after a bounce: mail is held and the mailbox is probed, see "
    "MAILBOX_PROBE_AFTER_SECONDS. Remove it."
)

_MORE_THAN_ONE_MAIL = 60_000_000
"""Bytes. SES takes mails of up to 40 MB; ours is somewhat larger."""

_NO_OWNER_LIMIT = (
    "Strangers can no longer use up an owner's day: see MASK_{what}_PER_DAY and "
    "SENDER_{what}_PER_DAY. Remove it."
)


@dataclass(frozen=True, kw_only=True)
class DomainConfig(LedgerConfig, PredecessorConfig, AccountConfig, SharedConfig):
    """What the workers need to judge mails. A day is a UTC day."""

    RETIRED: ClassVar[tuple[Retired, ...]] = (
        Retired("HARD_BOUNCE_PAUSE_DAYS", _NO_PAUSES),
        Retired("SOFT_BOUNCE_PAUSE_DAYS", _NO_PAUSES),
        Retired("HARD_BOUNCE_ALLOWED_DAYS", _NO_PAUSES),
        Retired("SOFT_BOUNCE_ALLOWED_DAYS", _NO_PAUSES),
        Retired("MAX_MAILS_PER_DAY", _NO_OWNER_LIMIT.format(what="MAILS"), is_refused=True),
        Retired("MAX_BYTES_PER_DAY", _NO_OWNER_LIMIT.format(what="BYTES"), is_refused=True),
        Retired("MAX_FORWARDED_PER_DAY", _NO_OWNER_LIMIT.format(what="MAILS"), is_refused=True),
        Retired(
            "MAX_FORWARDED_EMAIL_SIZE_PER_DAY",
            _NO_OWNER_LIMIT.format(what="BYTES"),
            is_refused=True,
        ),
        Retired(
            "MAX_ADDRESS_CREATION_PER_DAY",
            "Only masks that mails create are limited here: set MAX_MASKS_PER_DAY instead.",
            is_refused=True,
        ),
        Retired(
            "ALLOWED_ACCOUNTS",
            "Nobody is exempt from limits: raise MAX_REPLIES_PER_DAY for all, and remove it.",
            is_refused=True,
        ),
        Retired(
            "MAX_DOMAIN_MASKS",
            "Masks that mails created don't count against their owner. MAX_MASKS_PER_DAY and "
            "SENDER_MASKS_PER_DAY limit them. Remove it.",
            is_refused=True,
        ),
    )

    site_origin: str = setting(
        "SITE_ORIGIN",
        origin(allowed="the scheme and host of the site, https://relay.example, without a path"),
        help="The site that the links in mails and notices lead to.",
    )
    mask_domains: tuple[str, ...] = setting(
        "MASK_DOMAINS",
        comma_separated(_DOMAIN),
        help="The domains of masks. New random masks use the first; owners' own names live "
        "under each.",
    )
    replies_address: str = setting(
        "REPLIES_ADDRESS",
        _ADDRESS,
        help="The address that owners reply to: Reply-To of every forwarded mail.",
    )
    from_address: str = setting(
        "RELAY_FROM_ADDRESS",
        _named_address(),
        help="The sender of the notices to owners. A name before the address in angle brackets is "
        "left out.",
    )
    bucket: str = setting(
        "AWS_S3_EMAIL_BUCKET",
        matching(r"[A-Za-z0-9._-]{3,255}", "the name of an S3 bucket"),
        help="The bucket that SES stores mails in. A notification may name no other.",
    )
    configuration_set: str | None = setting(
        "AWS_SES_CONFIGSET",
        optional(text("the name of an SES configuration set")),
        help="The SES configuration set for outgoing mail; empty: none.",
        default="",
    )
    send_events: bool = setting(
        "AWS_SES_SEND_EVENTS",
        boolean(),
        help="Whether the configuration set publishes `Send` events to the topic. A mail that may "
        "have been sent then waits for its event, instead of for an operator, and is not sent "
        "twice. Turn it on only after SES has been set up so.",
        default="false",
    )
    send_event_wait_seconds: int = setting(
        "AWS_SES_SEND_EVENT_WAIT_SECONDS",
        integer(1, 300, "seconds"),
        help="How long a mail that may have been sent waits for its `Send` event before it is sent "
        "again. The time that events take at the moment is added.",
        default="15",
    )
    reply_secret: str | None = setting(
        "REPLY_SECRET",
        optional(
            matching(r"(?s).{16,}", "a random text of at least 16 characters", is_secret=True)
        ),
        help="The key of reply records, blocked senders, deleted masks and the links in notes; "
        "empty: SECRET_KEY. To change it, put the old one into REPLY_SECRET_FALLBACKS: without it, "
        "mails that were forwarded before can no longer be replied to, blocked senders get "
        "through, and deleted masks and names may be given out again.",
        default="",
    )
    reply_secret_fallbacks: tuple[str, ...] | None = setting(
        "REPLY_SECRET_FALLBACKS",
        optional(comma_separated(text("a long random text", is_secret=True))),
        help="Earlier reply secrets: what was recorded under them is still recognised. Links in "
        "notes end with their secret all the same, so a stolen one may stand here. If "
        "REPLY_SECRET is empty: also SECRET_KEY_FALLBACKS.",
        default="",
    )
    mailbox_probe_after_seconds: tuple[int, ...] = setting(
        "MAILBOX_PROBE_AFTER_SECONDS",
        comma_separated(integer(1, 30 * 86_400, "seconds")),
        help="After a mailbox bounced, its owner's mail is held, and one mail probes it after the "
        "first of these times; if that bounces, another after the second, and so on. The last "
        "one repeats.",
        default="3600,14400,86400,259200,604800",
    )
    mailbox_probe_wait_seconds: int = setting(
        "MAILBOX_PROBE_WAIT_SECONDS",
        integer(1, 86_400, "seconds"),
        help="How long a probe has to bounce before the held mail follows it; longer where "
        "earlier bounces took longer.",
        default="600",
    )
    abuse_pause_days: int = setting(
        "ABUSE_PAUSE_DAYS",
        _DAYS,
        help="How long an owner who exceeded MAX_REPLIES_PER_DAY can send no replies. Firefox "
        "Relay's name, `ACCOUNT_PREMIUM_FEATURE_PAUSED_DAYS`, is understood, too.",
        default="1",
        also="ACCOUNT_PREMIUM_FEATURE_PAUSED_DAYS",
    )
    keep_held_days: int = setting(
        "HELD_MAIL_KEEP_DAYS",
        integer(1, 365, "days"),
        help="How long a held mail is kept. The bucket must keep what is under `held/` for longer.",
        default="30",
    )
    mask_mails_per_day: int = setting(
        "MASK_MAILS_PER_DAY",
        integer(1, 10_000_000),
        help="How many mails a day are forwarded for one mask. More are held until the next day.",
        default="5000",
    )
    mask_bytes_per_day: int = setting(
        "MASK_BYTES_PER_DAY",
        integer(_MORE_THAN_ONE_MAIL, 10**13, "bytes"),
        help="How many bytes a day are forwarded for one mask. More are held until the next day.",
        default="2000000000",
    )
    sender_mails_per_day: int = setting(
        "SENDER_MAILS_PER_DAY",
        integer(1, 10_000_000),
        help="How many mails a day one sender's domain gets forwarded for one mask. More are held "
        "until the next day. Mails whose sender isn't authenticated count as one domain's.",
        default="2000",
    )
    sender_bytes_per_day: int = setting(
        "SENDER_BYTES_PER_DAY",
        integer(_MORE_THAN_ONE_MAIL, 10**13, "bytes"),
        help="How many bytes a day one sender's domain gets forwarded for one mask, as above.",
        default="1000000000",
    )
    max_large_mail_bytes: int = setting(
        "MAX_LARGE_MAIL_BYTES",
        integer(1024 * 1024, 10**12, "bytes"),
        help="How many bytes of mails larger than 1 MiB one worker process works on at a time. "
        "Rewriting and sending takes several times as much memory. Others wait, small mails "
        "don't, and one mail always fits.",
        default="40000000",
    )
    max_replies_per_day: int = setting(
        "MAX_REPLIES_PER_DAY",
        integer(1, 10_000_000),
        help="How many replies a day an owner may send. A further one is not sent, and pauses the "
        "owner's replies.",
        default="100",
    )
    max_masks_per_day: int = setting(
        "MAX_MASKS_PER_DAY",
        integer(0, 10_000_000),
        help="How many domain masks a day mail to an owner's name may create. Mail to more new "
        "names is held until the next day.",
        default="100",
    )
    sender_masks_per_day: int = setting(
        "SENDER_MASKS_PER_DAY",
        integer(0, 10_000_000),
        help="How many of an owner's domain masks a day mail of one sender's domain may create, "
        "as above.",
        default="10",
    )
    reply_retention_days: int = setting(
        "REPLY_RETENTION_DAYS",
        integer(1, 3650, "days"),
        help="How long a forwarded mail can be replied to, and the links in its note work.",
        default="180",
    )
    stale_mask_days: int = setting(
        "STALE_MASK_DAYS",
        integer(1, 3650, "days"),
        help="After how long without mail a mask loses its owner's note.",
        default="730",
    )
    canary_mask: str | None = setting(
        "CANARY_MASK",
        optional(_ADDRESS),
        help="A mask of an account of our own, whose address is "
        "`success@simulator.amazonses.com`. Each minute a mail is sent to it; the dashboard and an "
        "alert turn red when none has come back for five minutes. Empty: no canary.",
        default="",
    )
    tracker_list_dir: Path | None = setting(
        "TRACKER_LIST_DIR",
        optional(folder()),
        help="A folder with more lists of trackers (*.txt) than the one that comes with the "
        "relay. The workers read it when they start.",
        default="",
    )
    tracker_list_sources: tuple[str, ...] | None = setting(
        "TRACKER_LIST_SOURCES",
        optional(comma_separated(text("an https URL"))),
        help="Where `manage.py update_tracker_lists` gets lists from.",
        default="",
    )


def reply_secrets_of(
    config: DomainConfig, secret_key: str, secret_key_fallbacks: Sequence[str]
) -> tuple[bytes, ...]:
    """Return the secrets from which the keys of what the database holds are derived.

    The first one is for what is written. What was recorded under the others is still found.
    """
    secrets = [config.reply_secret or secret_key, *(config.reply_secret_fallbacks or ())]
    if not config.reply_secret:
        secrets += secret_key_fallbacks
    return tuple(secret.encode() for secret in secrets)
