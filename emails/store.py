"""Every query and write of the workers; each `record_` is one transaction.

Counters change in the database itself (`F()`, or one upsert), so that no two workers undo each
other. Locks are always taken in the order delivery, mask, counter, owner. A database that is not
there, or too slow, is `NotFinished`.
"""

import functools
from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar

from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from waffle import get_waffle_flag_model

from emails import claims, forwarded, lookups
from emails.counters import Counts, count, day_of
from emails.errors import NotFinished
from emails.facts import (
    Block,
    FoundMask,
    MaskFacts,
    MaskKind,
    MaskLookup,
    MaskRef,
    MissingMask,
    OwnerFacts,
    Policy,
    ReplyFacts,
    UnbornMask,
)
from emails.lookups import row_of
from emails.mime.reply_keys import Thread, Unreadable, decrypt, derive, encrypt
from emails.models import AbuseCounter, DomainMask, Profile, Reply, is_deleted
from emails.once import Claim, ClaimResult, Sent
from emails.outcomes import Blocked, Dropped, Forwarded, Outcome, RecordReason, RetryReason
from emails.rules import developer
from emails.rules.addresses import MaskRecipient
from emails.snapshots import MASK_COLUMNS, mask_facts

P = ParamSpec("P")
R = TypeVar("R")


class _TooManyMasks(Exception):
    """Undoes the making of a mask."""


def _translated(function: Callable[P, R]) -> Callable[P, R]:
    """Let a database that is not there raise `NotFinished`; the next call connects anew."""

    @functools.wraps(function)
    def translated(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            if not connection.in_atomic_block:
                connection.close()
            raise NotFinished(RetryReason.DATABASE_UNAVAILABLE) from error

    return translated


class Store:
    """The database, as the conductor sees it."""

    def __init__(self, policy: Policy, reply_secret: bytes) -> None:
        self._policy = policy
        self._reply_secret = reply_secret

    @_translated
    def find_mask(self, recipient: MaskRecipient, now: datetime) -> MaskLookup:
        """Look the recipient up; never makes a mask."""
        kind = MaskKind.RANDOM if recipient.name is None else MaskKind.DOMAIN
        where = {"local": recipient.address.local, "domain": recipient.address.domain}
        found = lookups.find_by_address(kind, where)
        if found is not None:
            return found
        was_deleted = is_deleted(str(recipient.address))
        if recipient.name is None:
            return MissingMask(was_deleted)
        owner = lookups.find_owner(Q(subdomain=recipient.name))
        if owner is None:
            return MissingMask(was_deleted)
        today = AbuseCounter.objects.filter(profile=owner.id, day=day_of(now))
        return UnbornMask(
            **where,
            owner=owner,
            was_deleted=was_deleted,
            made_today=today.values_list("masks", flat=True).first() or 0,
            made_in_all=DomainMask.objects.filter(profile=owner.id).count(),
        )

    @_translated
    def find_mask_by_ref(self, ref: MaskRef) -> FoundMask | None:
        """Look up the mask that a tag of ours names."""
        return lookups.find_by_ref(ref)

    @_translated
    def find_owner(self, address: str) -> OwnerFacts | None:
        """Look up whose real address this is, whatever its case."""
        return lookups.find_owner(Q(user__email__iexact=address))

    @_translated
    def find_is_developer(self, owner: OwnerFacts) -> bool:
        """Look up whether the owner has the flag of developer mode."""
        flag = get_waffle_flag_model().get(developer.FLAG)
        if flag.pk is None:  # nobody has made the flag
            return False
        user = get_user_model().objects.get(profile=owner.id)
        return bool(flag.is_active_for_user(user))

    @_translated
    def find_reply(self, quoted_ids: tuple[str, ...]) -> ReplyFacts | None:
        """Look up the thread of a reply: the first of the ids that has a readable record."""
        keys = [derive(message_id, self._reply_secret) for message_id in quoted_ids]
        rows = Reply.objects.filter(lookup__in=[key.lookup for key in keys])
        records = {row.lookup: row for row in rows}
        for key in keys:
            if (row := records.get(key.lookup)) is None:
                continue
            try:
                thread = decrypt(bytes(row.metadata), key)
            except Unreadable:
                continue
            if (found := lookups.find_by_ref(lookups.mask_of(row))) is None:
                continue  # deleted at this moment, and its replies with it
            return ReplyFacts(
                mask=found.mask,
                owner=found.owner,
                correspondent=thread.correspondent,
                message_id=thread.message_id,
                references=thread.references,
            )
        return None

    @_translated
    def claim(
        self, sns_message_id: str, purpose: str, recipient: str, now: datetime
    ) -> ClaimResult:
        """Claim one delivery of a notification; `purpose` tells two mails to one apart."""
        hashed = claims.recipient_hash(sns_message_id, purpose, recipient)
        return claims.claim(sns_message_id, hashed, now, self._policy.claim)

    @_translated
    def record_released(self, claimed: Claim, now: datetime) -> None:
        """Give a claim back; surely nothing was sent."""
        claims.release(claimed, now)

    @_translated
    def record_in_doubt(self, claimed: Claim) -> None:
        """Note that the mail was perhaps sent."""
        claims.doubt(claimed)

    @_translated
    def record_settled(
        self, claimed: Claim, outcome: Outcome, mask: MaskRef | None, now: datetime
    ) -> None:
        """Finish a delivery for which nothing is sent, and count it for its mask."""
        with transaction.atomic():
            if not claims.finish(claimed, outcome, now) or mask is None:
                return
            if isinstance(outcome, Blocked):
                row_of(mask).update(blocked=F("blocked") + 1)
            elif isinstance(outcome, Dropped):
                row_of(mask).update(dropped=F("dropped") + 1)

    @_translated
    def record_new_mask(self, unborn: UnbornMask, now: datetime) -> MaskFacts | None:
        """Make the domain mask; None: its owner has made too many today.

        Counted and checked in one transaction, so that a flood can't slip past the limit.
        """
        try:
            with transaction.atomic():
                mask, is_new = DomainMask.objects.get_or_create(
                    local=unborn.local,
                    domain=unborn.domain,
                    defaults={"profile_id": unborn.owner.id},
                )
                if is_new:
                    today = count(unborn.owner.id, now, Counts(masks=1))
                    if today.masks > self._policy.max_masks_per_day:
                        raise _TooManyMasks
                return mask_facts(mask.KIND, [getattr(mask, one) for one in MASK_COLUMNS])
        except _TooManyMasks:
            return None

    @_translated
    def record_forwarded(
        self,
        claimed: Claim,
        outcome: Forwarded,
        found: FoundMask,
        sent: Sent,
        thread: Thread | None,
        now: datetime,
    ) -> None:
        """Finish a forwarded mail: its counters, and the record that lets its owner reply."""
        reply = self._reply_record(sent.message_id, thread) if thread is not None else None
        forwarded.record(claimed, outcome, found, sent, reply, self._policy, now)

    @_translated
    def record_replied(
        self, claimed: Claim, outcome: Outcome, facts: ReplyFacts, sent: Sent, now: datetime
    ) -> None:
        """Finish a reply that was sent; the free one is used up now, and not before."""
        with transaction.atomic():
            if not claims.finish(claimed, outcome, now):
                return
            row_of(facts.mask.ref).update(replied=F("replied") + 1, last_used_at=now)
            self._count_reply(facts.owner.id, now)
            Profile.objects.filter(pk=facts.owner.id, first_replied_at=None).update(
                first_replied_at=now
            )

    @_translated
    def record_feedback(
        self,
        claimed: Claim,
        outcome: Outcome,
        owner: OwnerFacts | None,
        mask: MaskRef | None,
        now: datetime,
    ) -> None:
        """Finish a bounce or a complaint, with what its reason asks for."""
        with transaction.atomic():
            if not claims.finish(claimed, outcome, now) or owner is None:
                return
            profile = Profile.objects.filter(pk=owner.id)
            match outcome.reason:
                case RecordReason.HARD_BOUNCE:
                    profile.update(hard_bounced_at=now)
                case RecordReason.SOFT_BOUNCE:
                    profile.update(soft_bounced_at=now)
                case RecordReason.BOUNCED_AS_SPAM | RecordReason.SPAM_BLOCKING_ON:
                    profile.update(blocks_spam=True)
                case RecordReason.MASK_DISABLED if mask is not None:
                    row_of(mask).update(block=Block.ALL.value)

    def _reply_record(self, message_id: str, thread: Thread) -> forwarded.ReplyRecord:
        keys = derive(message_id, self._reply_secret)
        return forwarded.ReplyRecord(keys.lookup, encrypt(thread, keys))

    def _count_reply(self, owner_id: int, now: datetime) -> None:
        """Count for today; past the limit the owner is paused, from now on."""
        today = count(owner_id, now, Counts(replies=1))
        if today.replies > self._policy.max_replies_per_day:
            Profile.objects.filter(pk=owner_id).update(flagged_at=now)
