"""Watches the account that we send with: what SES says of it, and what comes back of our mail.

When too much comes back, the mail of the worst senders is held, until little comes back again. What
an owner or an operator releases is forwarded all the same, and so are replies.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from emails.edges import events
from emails.flow.context import Context, Ports
from emails.rules.forward import Decision, Forward, Hold
from emails.rules.reputation import choose_held, find_troubles, mask_key, sender_key
from emails.rules.senders import authenticated_domain
from emails.store import reputation
from emails.values.account import Unreadable
from emails.values.deliveries import Claim
from emails.values.facts import FoundMask, MailFacts
from emails.values.outcomes import HeldReason

_WINDOW = timedelta(hours=24)

RELEASED_AT_ONCE = 5_000


def read_account(ports: Ports, now: datetime) -> None:
    """Ask SES about the account, and note what it says, or that it can't be read."""
    before = ports.account_notes.find()
    try:
        ports.account_notes.note_account(ports.account.fetch(), now.timestamp())
    except Unreadable as error:
        ports.account_notes.note_failing(error.code, now.timestamp())
        if before.failing != error.code:
            events.account_unreadable(error.code)


def judge_sending(ports: Ports, now: datetime) -> None:
    """Judge what came back in 24 hours; hold the worst senders' mail, and release what is over.

    The database counts by sender only while there is trouble. Raises `NotFinished`.
    """
    notes, limits = ports.account_notes, ports.policy.reputation
    before, total = notes.find(), notes.count_sending(now.timestamp())
    is_braking = bool(before.held)
    # Known even if the database can't tell whose mail it is.
    notes.note_judged(total, before.held, now.timestamp())
    held: frozenset[str] = frozenset()
    if limits.may_brake and find_troubles(total, limits, is_braking=is_braking):
        by_sender = reputation.count_by_sender(_WINDOW)
        held = choose_held(total, by_sender, limits, is_braking=is_braking)
    if held != before.held:
        notes.note_judged(total, held, now.timestamp())
        events.senders_held(len(held))
    if released := reputation.release_after_brakes(held, now, RELEASED_AT_ONCE):
        events.released_after_brakes(released)


def braked(
    context: Context,
    mail: MailFacts,
    decision: Decision,
    claimed: Claim,
    waived: Collection[HeldReason] = (),
) -> Decision:
    """Return the decision, or to hold the mail: so much of its sender's, or its mask's, came back.

    What SES has already is only to be recorded. `waived`: reasons that somebody released it from.
    """
    if not isinstance(decision, Forward) or claimed.sent_as is not None or waived:
        return decision
    held = context.ports.account_notes.held()
    if not held:
        return decision
    target, sender = decision.target, sender_of(context, mail)
    if isinstance(target, FoundMask) and mask_key(target.mask.ref) in held:
        return Hold(target, HeldReason.REPUTATION)
    if sender is not None and sender_key(sender) in held:
        return Hold(target, HeldReason.REPUTATION, frozen_by=sender)
    return decision


def sender_of(context: Context, mail: MailFacts) -> str | None:
    """Return the keyed hash of the domain that the mail provably comes from."""
    return reputation.sender_hash(context.ports.reply_secret, authenticated_domain(mail))
