"""What the rules about loops need to know from outside: the marks, the records, the counts."""

from emails.flow.context import Context
from emails.rules import loops
from emails.rules.forward import Forward, Hold
from emails.rules.mail_kind import is_automatic
from emails.store import lookups
from emails.values.deliveries import Claim
from emails.values.facts import MailFacts, OwnerFacts
from emails.values.outcomes import HeldReason
from emails.values.threads import quoted_ids


def mark_of(context: Context, mask: str) -> str:
    """Return the mark of a mask, for the loop header."""
    return loops.mark_of(mask, context.ports.reply_secret)


def marks_through(context: Context, mail: MailFacts, mask: str) -> tuple[str, ...]:
    """Return the marks that a mail has after it went through this mask."""
    return (*loops.marks_in(mail), mark_of(context, mask))


def answers_us(context: Context, mail: MailFacts, owner: OwnerFacts) -> bool:
    """Return whether a machine wrote this, and it quotes a mail that we forwarded to this owner.

    Nobody but the owner's side knows the ids of those mails. What people write isn't looked up.
    """
    if not is_automatic(mail):
        return False
    ids = quoted_ids(mail.values("in-reply-to"), mail.values("references"))
    thread = lookups.find_reply(ids, context.ports.reply_secrets) if ids else None
    return thread is not None and thread.owner.id == owner.id


def braked(context: Context, mail: MailFacts, decision: Forward, claimed: Claim) -> Forward | Hold:
    """Count a mail that may be part of a loop; hold it if there were too many like it.

    It isn't dropped: nothing proves the loop, and only the owner can tell.
    """
    limit = loops.limit_of(mail, decision.target)
    if limit is None:
        return decision
    earlier = context.ports.brake.find_earlier(
        mark_of(context, decision.target.address),
        mark_of(context, limit.correspondent),
        claimed.reference,
        context.now,
    )
    if earlier < limit.per_hour:
        return decision
    return Hold(decision.target, HeldReason.SUSPECTED_LOOP)
