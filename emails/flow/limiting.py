"""Daily limits on the way of a mail: who its sender is to them, and its place in them."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from emails.flow.context import Context
from emails.rules import limits
from emails.rules.forward import Forward, Hold
from emails.rules.senders import authenticated_domain
from emails.store import records, reservations
from emails.store.counters import owner_scope, sender_key
from emails.values.deliveries import Claim
from emails.values.facts import FoundMask, MailFacts
from emails.values.outcomes import HeldReason

KeyIn: TypeAlias = Callable[[str], str]
"""Names a mail's sender to the counters, in a scope: a mask's address, or an owner."""


def key_in(context: Context, mail: MailFacts) -> KeyIn:
    """Return how the counters name this mail's sender.

    A forged domain must not use up the real one's limit: what isn't authenticated counts together.
    """
    return partial(sender_key, context.ports.reply_secret, domain=authenticated_domain(mail))


def waived_for(claimed: Claim) -> frozenset[HeldReason]:
    """Return the reasons not to hold a mail for again: it keeps the place that it has reserved."""
    if claimed.sent_as is not None:
        return frozenset(HeldReason)
    return limits.REASONS if claimed.is_reserved else frozenset()


def existing_or_new(context: Context, decision: Forward, key: KeyIn) -> FoundMask | Hold:
    """Return the mask, created if need be; or hold the mail if today has no room for a new one."""
    target = decision.target
    if isinstance(target, FoundMask):
        return target
    policy = context.ports.policy if decision.is_limited else None
    mask = records.record_new_mask(target, key(owner_scope(target.owner.id)), policy, context.now)
    return FoundMask(mask, target.owner) if mask else Hold(target, HeldReason.NEW_MASK_LIMIT)


def reserve(
    context: Context, decision: Forward, found: FoundMask, key: str, size: int, claimed: Claim
) -> Hold | None:
    """Reserve the mail's place in today's limits if they are nearly reached.

    Returns how to hold it if there is no place. A mail that SES has needs none.
    """
    if not decision.must_reserve or claimed.sent_as is not None:
        return None
    policy, now = context.ports.policy, context.now
    over = reservations.reserve_forward(claimed, found, key, size, policy, now)
    return Hold(found, over) if over else None
