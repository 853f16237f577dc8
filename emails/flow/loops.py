"""What the rules about loops need to know from outside: the marks, the records, the counts."""

from emails.flow.context import Context
from emails.rules import loops
from emails.rules.mail_kind import is_automatic
from emails.store import lookups
from emails.values.deliveries import Claim
from emails.values.facts import CreatableMask, FoundMask, MailFacts, OwnerFacts
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
    thread = lookups.find_reply(ids, context.ports.reply_secret) if ids else None
    return thread is not None and thread.owner.id == owner.id


def is_braked(
    context: Context, mail: MailFacts, target: FoundMask | CreatableMask, claimed: Claim
) -> bool:
    """Count a mail that may be part of a loop; return whether there were too many like it."""
    limit = loops.limit_of(mail, target)
    if limit is None:
        return False
    earlier = context.ports.brake.find_earlier(
        mark_of(context, target.address),
        mark_of(context, limit.correspondent),
        claimed.reference,
        context.now,
    )
    return earlier >= limit.per_hour
