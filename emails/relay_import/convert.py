"""What a row of the predecessor's becomes here, or why it can't be taken. Pure."""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from emails.relay_import.schema import SourceHash, SourceMask, SourceOwner, SourceReply
from emails.rules.addresses import Address, is_ours, is_public, is_special, parse
from emails.values.facts import Block
from emails.values.mailboxes import BounceMeaning

HARD_BOUNCE_PAUSE, SOFT_BOUNCE_PAUSE = timedelta(days=30), timedelta(days=1)
"""For how long the predecessor sends nothing to a mailbox that bounced, by default."""

_MAX_LABEL = 200
_LABEL = re.compile(r"[a-z0-9-]{1,63}")
_HASH = re.compile(r"[0-9a-f]{64}")
_LOOKUP = re.compile(r"[A-Za-z0-9_-]{22}==")


class Why(StrEnum):
    """Why a row of the source, or a part of it, was not taken."""

    NO_ADDRESS = "no_address"
    OWN_ADDRESS = "own_address"
    ADDRESS_TAKEN = "address_taken"
    BAD_NAME = "bad_name"
    NAME_TAKEN = "name_taken"
    NO_OWNER = "no_owner"
    NO_NAME = "no_name"
    UNKNOWN_DOMAIN = "unknown_domain"
    RESERVED_ADDRESS = "reserved_address"
    NO_MASK = "no_mask"
    BAD_HASH = "bad_hash"
    BAD_RECORD = "bad_record"
    OWNER_DELETED_HERE = "owner_deleted_here"
    """Only their masks are listed so: it is nothing to worry about."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A row of the source that can't be taken, or not as a whole."""

    source_id: int
    why: Why


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say: the domains behind the numbers 1 and 2, and our other addresses."""

    domains: tuple[str, str]
    mask_domains: tuple[str, ...]
    special: tuple[str, ...]
    premium_names: Collection[str]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner as we store them."""

    source_id: int
    email: str
    is_active: bool
    created_at: datetime
    is_premium: bool
    subdomain: str | None
    language: str
    blocks_spam: bool
    removes_trackers: bool
    allows_metrics: bool
    flagged_at: datetime | None
    has_replied: bool
    bounced_at: datetime | None
    bounce_meaning: str | None
    replies: int
    replies_on: date | None


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask as we store it."""

    source_id: int
    owner: int
    local: str
    domain: str
    block: str
    label: str
    forwarded: int
    blocked: int
    dropped: int
    replied: int
    trackers_removed: int
    created_at: datetime
    last_used_at: datetime | None


def owner(row: SourceOwner, rules: Rules, now: datetime) -> Owner | NotTaken | None:
    """Convert an owner. None: this account owns nothing, and never did."""
    if not (row.has_profile or row.has_masks):
        return None
    if why := _why_not(row.email, rules):
        return NotTaken(row.id, why)
    account = _json_object(row.account)
    bounced_at, meaning = _bounce(row, now)
    allows_metrics = row.account is not None and account.get("metricsEnabled", True) is True
    return Owner(
        source_id=row.id,
        email=row.email.strip(),
        is_active=row.is_active,
        created_at=row.joined_at,
        is_premium=_is_premium(account, rules.premium_names),
        subdomain=(row.name or "").lower() or None,
        language=nearest_language(str(account.get("locale", "")), rules.languages),
        blocks_spam=bool(row.blocks_spam),
        removes_trackers=bool(row.removes_trackers),
        allows_metrics=allows_metrics,
        flagged_at=row.flagged_at,
        has_replied=bool(row.has_replied),
        bounced_at=bounced_at,
        bounce_meaning=meaning,
        replies=row.replies or 0,
        replies_on=row.replies_since.astimezone(UTC).date() if row.replies_since else None,
    )


def without_bad_name(row: Owner) -> tuple[Owner, NotTaken | None]:
    """Return an owner whose name we can store. They own their other masks all the same."""
    if row.subdomain is None or _LABEL.fullmatch(row.subdomain):
        return row, None
    return replace(row, subdomain=None), NotTaken(row.source_id, Why.BAD_NAME)


def mask(row: SourceMask, rules: Rules, *, is_domain_mask: bool) -> Mask | NotTaken:
    """Convert a mask of either kind. Rows may be from before addresses were in lower case."""
    if row.domain not in (1, 2):
        return NotTaken(row.id, Why.UNKNOWN_DOMAIN)
    domain, local = rules.domains[row.domain - 1], row.local.lower()
    if is_domain_mask:
        if not row.name or not _LABEL.fullmatch(row.name.lower()):
            return NotTaken(row.id, Why.NO_NAME)
        domain = f"{row.name.lower()}.{domain}"
    address = parse(f"{local}@{domain}")
    if "@" in local or address != Address(local, domain):
        return NotTaken(row.id, Why.RESERVED_ADDRESS)
    if is_special(address, rules.special):
        return NotTaken(row.id, Why.RESERVED_ADDRESS)
    label = (row.description or row.made_for).replace("\0", "").strip()
    return Mask(
        source_id=row.id,
        owner=row.owner,
        local=local,
        domain=domain,
        block=_block(row),
        label=label[:_MAX_LABEL] if row.keeps_labels else "",
        forwarded=row.forwarded,
        blocked=row.blocked,
        dropped=row.spam,
        replied=row.replied,
        trackers_removed=row.trackers or 0,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )


def reply_problem(row: SourceReply) -> Why | None:
    """Return why a reply record can't be used. Its content is not looked at: nobody can."""
    if not _LOOKUP.fullmatch(row.lookup) or row.metadata.count(".") != 4:
        return Why.BAD_RECORD
    if (row.random_mask is None) == (row.domain_mask is None):
        return Why.NO_MASK
    return None


def hash_problem(row: SourceHash) -> Why | None:
    """Return why a hash can't be used."""
    return None if _HASH.fullmatch(row.hash) else Why.BAD_HASH


def nearest_language(accepted: str, ours: Collection[str], default: str = "en") -> str:
    """Choose one of our languages by an Accept-Language (RFC 9110, 12.5.4): `ja,en;q=0.5`."""
    wanted = sorted(map(_weighted, accepted.split(",")), key=lambda one: -one[1])
    for tag, weight in wanted:
        if weight > 0 and (found := tag.split("-")[0]) in ours:
            return found
    return default


def _weighted(item: str) -> tuple[str, float]:
    tag, _, parameters = item.partition(";")
    _, _, weight = parameters.partition("=")
    try:
        return tag.strip().lower(), float(weight) if weight else 1.0
    except ValueError:
        return tag.strip().lower(), 0.0


def _why_not(email: str, rules: Rules) -> Why | None:
    address = parse(email)
    if address is None or not is_public(address):
        return Why.NO_ADDRESS
    return Why.OWN_ADDRESS if is_ours(address, rules.mask_domains, rules.special) else None


def _json_object(text: str | None) -> dict[str, object]:
    try:
        read = json.loads(text or "{}")
        # An older version of the predecessor's library stored JSON as text in JSON.
        read = json.loads(read) if isinstance(read, str) else read
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _is_premium(account: dict[str, object], names: Collection[str]) -> bool:
    subscriptions = account.get("subscriptions")
    return isinstance(subscriptions, list) and any(
        isinstance(one, str) and one in names for one in subscriptions
    )


def _bounce(row: SourceOwner, now: datetime) -> tuple[datetime | None, str | None]:
    """Return the bounce for which the predecessor pauses the owner now, and what it means."""
    pauses: Iterable[tuple[datetime | None, timedelta, BounceMeaning]] = (
        (row.hard_bounce_at, HARD_BOUNCE_PAUSE, BounceMeaning.GONE),
        (row.soft_bounce_at, SOFT_BOUNCE_PAUSE, BounceMeaning.UNREACHABLE),
    )
    for bounced_at, pause, meaning in pauses:
        if bounced_at is not None and now < bounced_at + pause:
            return bounced_at, meaning.value
    return None, None


def _block(row: SourceMask) -> str:
    if not row.is_enabled:
        return Block.ALL.value
    return (Block.PROMOTIONS if row.blocks_promotions else Block.NONE).value
