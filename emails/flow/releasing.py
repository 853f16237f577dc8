"""Releases held mails: decides each anew, and forwards it once.

    claim     The delivery of this release: see `deliver`. Killed anywhere, the next attempt finds
              the claim, or the outcome. Nobody else decides anything about the mail meanwhile.
    work      Counts the attempt: a mail that crashed its workers too often is held again, and so
              is one that can never be forwarded.
    record    The row follows the delivery's outcome. Until then it stays to be released, and an
              attempt that finds the outcome records it.

The copy in S3 is deleted only after that, by `clearing`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import assert_never

from emails.edges import events
from emails.flow import freezing, mail_notices, reputation
from emails.flow.context import Context, Ports
from emails.flow.deliver import MAY_BE_SENT, Result, outcome_only, run_once
from emails.flow.faults import stops_all
from emails.flow.inbound import Inbound
from emails.flow.limiting import KeyIn, key_in, waived_for
from emails.flow.received import carry_out, is_from_blocked_sender
from emails.rules import forward, limits
from emails.rules.addresses import MaskRecipient, our_recipients
from emails.rules.freezes import frozen_of
from emails.store import held_releases, lookups
from emails.store.mailbox_breakers import let_through, record_probe_sent
from emails.values.deliveries import Claim
from emails.values.errors import NotFinished, Refused, Unavailable, Unsendable
from emails.values.facts import MailFacts, MaskLookup, MaskRef, MissingMask, Policy
from emails.values.held import HeldMail, NewMask
from emails.values.notifications import Received
from emails.values.outcomes import (
    Dropped,
    DropReason,
    Held,
    HeldReason,
    NoMask,
    NoMaskReason,
)

LANES = 2
"""How many mails are released at a time. Each owner's go through one lane, in their order."""

MAX_ATTEMPTS = 3
"""How often a mail may crash its worker, or fail by its own fault, in one release."""

BATCH = 500

_UNSENDABLE = Held(HeldReason.CANNOT_BE_SENT)

_PASSING = frozenset({Dropped(DropReason.DEACTIVATED), NoMask(NoMaskReason.NEEDS_PREMIUM)})
"""What keeps an owner from mail for now: an account may become active again, or premium."""


def release_lane(
    ports: Ports, lane: int, clock: Callable[[], datetime], is_over: Callable[[], bool]
) -> int:
    """Release a lane's mails, until it `is_over`; return how many were tried.

    A mail that fails does not stop the others, but a fault of the world does: they would fail, too.
    """
    tried = 0
    frozen = frozen_of(ports.controls.freezes())
    for key in held_releases.find_to_release(lane, LANES, BATCH, frozen):
        if is_over():
            break
        tried += 1
        try:
            release(ports, key, clock())
        except NotFinished as error:
            if stops_all(error):
                break
        except Exception:  # noqa: BLE001, S112 — logged; the others must still be released
            continue
    return tried


def release(ports: Ports, key: int, now: datetime) -> None:
    """Release a held mail, unless it has been released. Raises what keeps it from its end."""
    mail = held_releases.begin(key, now)
    if mail is None:
        return
    with events.releasing(mail.sns_message_id):
        _release(ports, mail, now)


def _release(ports: Ports, mail: HeldMail, now: datetime) -> None:
    late = replace(ports, policy=limits.for_late_mails(ports.policy))
    context = Context(late, mail.sns_message_id, now)
    purpose = held_releases.purpose_of(mail.releases)
    trouble = mail_notices.Trouble()
    try:
        outcome = run_once(context, purpose, mail.recipient, partial(_work, context, mail, trouble))
    except Refused as error:
        # It is in doubt whether an earlier attempt has sent it: only a person may try again.
        events.not_settled(error, mail.sns_message_id)
        held_releases.record_released(mail, _UNSENDABLE, now)
        return
    except Exception as error:
        events.not_settled(error, mail.sns_message_id)
        raise
    held_releases.record_released(mail, outcome, now)
    if outcome == _UNSENDABLE:
        mail_notices.tell_of_release(context, mail, trouble)


def _work(
    context: Context, mail: HeldMail, trouble: mail_notices.Trouble, claimed: Claim
) -> Result:
    attempts = held_releases.count_attempt(mail)
    # What SES has is completed, however many attempts that takes.
    if attempts > MAX_ATTEMPTS and claimed.sent_as is None:
        return outcome_only(context, claimed, _UNSENDABLE)
    try:
        with _inbound(context.ports, mail) as inbound:
            return _decide_and_carry_out(context, mail, inbound, claimed)
    except Refused as error:
        events.not_settled(error, mail.sns_message_id)
        trouble.may_be_sent = error.reason in MAY_BE_SENT
        return outcome_only(context, claimed, _UNSENDABLE)
    except Unsendable as error:
        events.cannot_be_sent(error, context.sns_message_id)
        trouble.reason = error.reason
        return outcome_only(context, claimed, _UNSENDABLE)
    except NotFinished as error:
        if error.max_tries is None or isinstance(error, Unavailable):
            held_releases.take_back_attempt(mail)
        raise


def _decide_and_carry_out(
    context: Context, mail: HeldMail, inbound: Inbound, claimed: Claim
) -> Result:
    policy, now = context.ports.policy, context.now
    key = _key_in(context, mail, inbound)
    target = _find_target(mail, policy, now, key)
    is_probe, waived = False, mail.waived | waived_for(claimed)
    # Without a mask the decision needs no headers: don't fetch the mail for them.
    if isinstance(target, MissingMask):
        facts = inbound.notified_facts()
    else:
        facts = inbound.facts()
        is_probe = target.owner.probe == mail.id and let_through(mail.id, claimed.reference)
    if is_probe:
        waived |= {HeldReason.MAILBOX}
    is_wanted = bool(mail.waived)
    decision = forward.decide(
        facts,
        target,
        policy,
        now,
        waived,
        is_from_blocked_sender=not is_wanted and is_from_blocked_sender(context, facts, target),
        is_wanted=is_wanted,
    )
    decision = freezing.frozen(context, facts, target, decision, claimed)
    wanted = mail.waived | {HeldReason.MAILBOX} if is_probe else mail.waived
    decision = reputation.braked(context, facts, decision, claimed, wanted)
    if isinstance(decision, forward.Hold) and decision.frozen_by:
        held_releases.note_frozen(mail, decision.frozen_by)
    if decision in _PASSING:
        return outcome_only(context, claimed, Held(mail.reason))
    result = carry_out(context, inbound, target, decision, claimed, key)
    if isinstance(result, forward.Hold):
        return outcome_only(context, claimed, Held(result.reason))
    return _as_probe(result, claimed) if is_probe else result


def _as_probe(result: Result, claimed: Claim) -> Result:
    """Let its mailbox's breaker know when it was sent. If that fails, the breaker's job does it."""
    ses_id = result.sent_as
    if ses_id is None:
        return result

    def record() -> None:
        result.record()
        record_probe_sent(claimed.reference, ses_id)

    return replace(result, record=record)


def _key_in(context: Context, mail: HeldMail, inbound: Inbound) -> KeyIn:
    """Return how the counters name its sender. Without a mask, don't fetch the mail for that."""
    return key_in(context, inbound.facts() if mail.target else inbound.notified_facts())


def _find_target(mail: HeldMail, policy: Policy, now: datetime, key: KeyIn) -> MaskLookup:
    match mail.target:
        case None:
            return MissingMask(was_deleted=True)
        case MaskRef():
            found = lookups.find_with_usage(mail.target, now, key)
            return found or MissingMask(was_deleted=True)
        case NewMask(local, domain):
            for recipient in our_recipients([f"{local}@{domain}"], policy):
                if isinstance(recipient, MaskRecipient):
                    return lookups.find_mask(recipient, now, key)
            return MissingMask(was_deleted=False)
        case _:
            assert_never(mail.target)


def _inbound(ports: Ports, mail: HeldMail) -> Inbound:
    """Make the mail as it was received: what the row doesn't say is in the mail's own header."""
    received = Received(
        recipients=(),
        mail=MailFacts(source="", verdicts=mail.verdicts, headers=()),
        headers_truncated=True,
        content=mail.mail,
        received_at=mail.received_at,
    )
    return Inbound(received, ports.mail_store, ports.make_room())
