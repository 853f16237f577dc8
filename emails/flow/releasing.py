"""Releases held mails: decides each anew, and forwards it once.

    begin     Counts the attempt. A mail that crashed its workers too often is held again.
    run once  A claim on the delivery of this release: see `deliver`. Killed anywhere, the next
              attempt finds the claim, or the outcome.
    record    The row follows the delivery's outcome. Until then it stays to be released, and an
              attempt that finds the outcome records it.

The copy in S3 is deleted only after that, by `clearing`.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import assert_never

from emails.edges import events
from emails.flow.context import Context, Ports
from emails.flow.deliver import Result, outcome_only, run_once
from emails.flow.inbound import Inbound
from emails.flow.received import carry_out, is_from_blocked_sender
from emails.rules import forward
from emails.rules.addresses import MaskRecipient, our_recipients
from emails.store import held_releases, lookups
from emails.values.deliveries import Claim
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.facts import MailFacts, MaskLookup, MaskRef, MissingMask, Policy
from emails.values.held import HeldMail, NewMask
from emails.values.notifications import Received
from emails.values.outcomes import Held, HeldReason, RetryReason

LANES = 2
"""How many mails are released at a time. Each owner's go through one lane, in their order."""

MAX_ATTEMPTS = 3
"""How often a mail may crash its worker, or fail by its own fault, in one release."""

BATCH = 500

_UNSENDABLE = Held(HeldReason.CANNOT_BE_SENT)


def release_lane(
    ports: Ports, lane: int, clock: Callable[[], datetime], is_over: Callable[[], bool]
) -> int:
    """Release a lane's mails, until it `is_over`; return how many were tried.

    A mail that fails does not stop the others, but a fault of the world does: they would fail, too.
    """
    tried = 0
    for key in held_releases.find_to_release(lane, LANES, BATCH):
        if is_over():
            break
        tried += 1
        try:
            release(ports, key, clock())
        except NotFinished as error:
            if isinstance(error, Unavailable) or error.reason in _EVERYBODYS:
                break
        except Exception:  # noqa: BLE001, S112 — logged; the others must still be released
            continue
    return tried


_EVERYBODYS = frozenset({RetryReason.SENDER_THROTTLED, RetryReason.MAIL_STORE_THROTTLED})


def release(ports: Ports, key: int, now: datetime) -> None:
    """Release a held mail, unless it has been released. Raises `NotFinished` to be tried again."""
    mail = held_releases.begin_attempt(key, now)
    if mail is None:
        return
    if mail.attempts > MAX_ATTEMPTS:
        held_releases.record_released(mail, _UNSENDABLE, now)
        events.held_again(mail.sns_message_id, _UNSENDABLE)
        return
    context = Context(ports, mail.sns_message_id, now)
    try:
        purpose = held_releases.purpose_of(mail.releases)
        outcome = run_once(context, purpose, mail.recipient, partial(_work, context, mail))
    except Refused as error:
        events.not_settled(error, mail.sns_message_id)
        outcome = _UNSENDABLE
        events.held_again(mail.sns_message_id, outcome)
    except NotFinished as error:
        events.not_settled(error, mail.sns_message_id)
        if error.max_tries is None or isinstance(error, Unavailable):
            held_releases.take_back_attempt(mail)
        raise
    except Exception as error:
        events.not_settled(error, mail.sns_message_id)
        raise
    held_releases.record_released(mail, outcome, now)


def _work(context: Context, mail: HeldMail, claimed: Claim) -> Result:
    policy = context.ports.policy
    inbound = _inbound(context.ports, mail)
    target = _find_target(mail, policy, context.now)
    if isinstance(target, MissingMask):
        decision = forward.decide(inbound.notified_facts(), target, policy, context.now)
    else:
        decision = forward.decide(
            inbound.facts(),
            target,
            policy,
            context.now,
            mail.waived,
            is_from_blocked_sender=not mail.waived
            and is_from_blocked_sender(context, inbound.facts(), target),
        )
    if isinstance(decision, forward.Hold):
        return outcome_only(context, claimed, Held(decision.reason))
    return carry_out(context, inbound, target, decision, claimed)


def _find_target(mail: HeldMail, policy: Policy, now: datetime) -> MaskLookup:
    match mail.target:
        case None:
            return MissingMask(was_deleted=True)
        case MaskRef():
            return lookups.find_mask_by_ref(mail.target) or MissingMask(was_deleted=True)
        case NewMask(local, domain):
            for recipient in our_recipients([f"{local}@{domain}"], policy):
                if isinstance(recipient, MaskRecipient):
                    return lookups.find_mask(recipient, now)
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
    return Inbound(received, ports.mail_store)
