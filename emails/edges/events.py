"""What operators see: a log line and a metric for each event, without any content of a mail."""

import logging
import re
from contextlib import AbstractContextManager

import markus

from emails.mime.plans import Rewritten
from emails.values.errors import NotFinished, Refused, Unsendable
from emails.values.facts import MailFacts, MaskRef
from emails.values.outcomes import HeldReason, NoMaskReason, Outcome, RetryReason, name_of
from runtime import story, tracing
from runtime.ages import Stage, note_age

logger = logging.getLogger("emails.events")
metrics = markus.get_metrics("emails")

UNEXPECTED = "unexpected_error"
"""The reason of every failure that is none of our own errors."""

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
"""What a code looks like, in case a server sends something else."""


def delivering(purpose: str) -> AbstractContextManager[object]:
    """A delivery is carried out within."""
    return tracing.child("deliver", **{"relay.purpose": purpose})


def releasing(sns_message_id: str) -> AbstractContextManager[None]:
    """A held mail is released within."""
    return tracing.releasing(sns_message_id)


def claimed(delivery: str) -> None:
    """The claim of a delivery is ours."""
    story.note("claimed", delivery)


def mask_found(mask: MaskRef) -> None:
    """A mail is for this mask."""
    story.note("mask", mask)


def settled(outcome: Outcome, sns_message_id: str, mask: MaskRef | None) -> None:
    """One recipient of a notification has its outcome."""
    story.note("settled", name_of(outcome), outcome.reason.value, *([mask] if mask else []))
    _log("settled", outcome, sns_message_id, mask, mail_age_s=note_age(Stage.SETTLED))
    metrics.incr("outcome", tags=[f"outcome:{name_of(outcome)}", f"reason:{outcome.reason}"])


def already_settled(outcome: Outcome, sns_message_id: str) -> None:
    """The notification was redelivered; this recipient has its outcome already."""
    story.note("settled_before", name_of(outcome), outcome.reason.value)
    _log("settled before", outcome, sns_message_id, None, mail_age_s=None)
    metrics.incr("settled_before")


def sent_before(sns_message_id: str) -> None:
    """SES has the mail from an earlier attempt, so that this one only records it."""
    story.note("sent_before")
    logger.info("sent before", extra={"sns_message_id": sns_message_id})
    metrics.incr("sent_before")


def sent(delivery: str, ses_id: str) -> None:
    """SES has accepted a delivery's mail."""
    story.note("sent", delivery, ses_id)
    note_age(Stage.SENT)


def not_settled(error: Exception, sns_message_id: str) -> None:
    """A recipient could not be settled; the message is retried or dead-lettered.

    Waiting for our own pace is no failure, and is counted by itself.
    """
    if isinstance(error, NotFinished) and error.reason == RetryReason.WAITS_FOR_TURN:
        logger.info("waits for its turn", extra={"sns_message_id": sns_message_id})
        metrics.incr("paced")
        return
    reason = str(error.reason) if isinstance(error, NotFinished | Refused) else None
    extra = {"sns_message_id": sns_message_id, "reason": reason or UNEXPECTED}
    extra |= {"error_type": type(error).__name__, "error_code": error_code_of(error)}
    story.note("not_settled", extra["reason"], *([extra["error_code"]] if reason else []))
    # For expected failures the reason says it all; the others need their traceback.
    logger.warning("not settled", extra=extra, exc_info=None if reason else error)
    code = extra["error_code"] or "none"
    metrics.incr("not_settled", tags=[f"reason:{extra['reason']}", f"code:{code}"])


def notice_given_up(error: Exception, sns_message_id: str) -> None:
    """A notice to an owner could not be sent. What it is about is settled all the same."""
    reason = str(error.reason) if isinstance(error, NotFinished | Refused) else None
    extra = {"sns_message_id": sns_message_id, "reason": reason or UNEXPECTED}
    extra |= {"error_type": type(error).__name__, "error_code": error_code_of(error)}
    logger.warning("notice given up", extra=extra, exc_info=None if reason else error)
    metrics.incr("notice_given_up", tags=[f"reason:{extra['reason']}"])


def cannot_be_sent(error: Unsendable, sns_message_id: str) -> None:
    """SES sends this mail in no form, so it is held."""
    code = _checked(error.code)
    extra = {"sns_message_id": sns_message_id, "reason": error.reason.value, "error_code": code}
    logger.warning("mail cannot be sent", extra=extra)
    metrics.incr("cannot_be_sent", tags=[f"reason:{error.reason}", f"code:{code or 'none'}"])


def error_code_of(error: BaseException) -> str:
    """Return AWS's or PostgreSQL's code for the failure; empty for other failures."""
    return _checked(str(error.code)) if isinstance(error, NotFinished | Refused) else ""


def _checked(code: str) -> str:
    return code if _CODE.fullmatch(code) else ""


def held_mails_expired(reason: HeldReason, count: int) -> None:
    """Nobody released `count` mails that were held for this reason."""
    logger.info("held mails expired", extra={"reason": reason.value, "count": count})
    metrics.incr("outcome", value=count, tags=["outcome:expired", f"reason:{reason}"])


def held_for_nobody(reason: NoMaskReason) -> None:
    """A mail was held until its mask could be looked up, and there is no such mask."""
    logger.info("held for nobody", extra={"reason": reason.value})
    metrics.incr("outcome", tags=["outcome:nomask", f"reason:{reason}"])


def mailbox_breaker_changed(change: str, reason: str) -> None:
    """An owner's mailbox bounced, was probed, or takes mail again."""
    logger.info("mailbox breaker changed", extra={"change": change, "reason": reason})
    metrics.incr("mailbox_breaker", tags=[f"change:{change}", f"reason:{reason}"])


def released_after_limits(count: int) -> None:
    """A new day has room for `count` mails that were held for a limit; each is decided anew."""
    logger.info("released after limits", extra={"count": count})
    metrics.incr("released_after_limits", value=count)


def released_after_freezes(count: int) -> None:
    """The freeze of `count` held mails is over; each is decided anew."""
    logger.info("released after freezes", extra={"count": count})
    metrics.incr("released_after_freezes", value=count)


def account_unreadable(error_code: str) -> None:
    """SES does not say how the account is. Said once, not each minute."""
    logger.warning("account not readable", extra={"error_code": error_code})


def senders_held(count: int) -> None:
    """Too much mail came back: that of `count` masks and senders' domains is held; 0: no longer."""
    logger.warning("senders held", extra={"count": count})


def released_after_brakes(count: int) -> None:
    """`count` mails are released, since little comes back again; each is decided anew."""
    logger.info("released after brakes", extra={"count": count})
    metrics.incr("released_after_brakes", value=count)


def replies_paused(owner_id: int, replies: int) -> None:
    """An owner sent too many replies in a day, and can send none for a while."""
    logger.warning("replies paused", extra={"owner_id": owner_id, "replies": replies})
    metrics.incr("replies_paused")


def sent_not_counted(sns_message_id: str, error: BaseException) -> None:
    """A mail was sent, but its counters and its reply record could not be written."""
    logger.error("sent, but not counted", extra={"sns_message_id": sns_message_id}, exc_info=error)
    metrics.incr("not_counted")


def trackers_removed(count: int) -> None:
    """Trackers were removed from a mail whose owner agreed to metrics."""
    metrics.incr("trackers_removed", value=count)


def developer_mode(
    sns_message_id: str, mask: MaskRef, mail: MailFacts, rewritten: Rewritten
) -> None:
    """A mail to a mask in developer mode: log everything about it except its content."""
    verdicts = mail.verdicts
    logger.info(
        "developer mode",
        extra={
            "sns_message_id": sns_message_id,
            "mask_id": str(mask),
            "spam": verdicts.spam.value,
            "virus": verdicts.virus.value,
            "spf": verdicts.spf.value,
            "dkim": verdicts.dkim.value,
            "dmarc": verdicts.dmarc.value,
            "header_count": len(mail.headers),
            "size": len(rewritten.raw),
            "trackers_removed": sum(rewritten.trackers_removed.values()),
            "issues": list(rewritten.issues),
        },
    )


def held_mails_handled(action: str, count: int) -> None:
    """An owner did something with held mails; `count` is how many it changed."""
    logger.info("held mails handled", extra={"action": action, "count": count})
    metrics.incr("held_mails_handled", tags=[f"action:{action}"])


def note_link_used(action: str, mask: MaskRef, *, is_new: bool) -> None:
    """An owner used a link in a note; `is_new`: that changed something."""
    extra = {"action": action, "mask_id": str(mask), "is_new": is_new}
    logger.info("note link used", extra=extra)
    metrics.incr("note_link_used", tags=[f"action:{action}"])


def data_removed(what: str, count: int) -> None:
    """A periodic job removed or erased `count` rows or mails."""
    logger.info("cleaned up", extra={"what": what, "count": count})
    metrics.incr("cleaned_up", value=count, tags=[f"what:{what}"])


def mails_not_deleted(count: int, reason: str) -> None:
    """S3 did not delete `count` mails: a settled one, or held ones that have ended."""
    logger.warning("mails not deleted", extra={"count": count, "reason": reason})
    metrics.incr("mails_not_deleted", value=count)


def _log(
    message: str,
    outcome: Outcome,
    sns_message_id: str,
    mask: MaskRef | None,
    mail_age_s: float | None,
) -> None:
    logger.info(
        message,
        extra={
            "outcome": name_of(outcome),
            "reason": outcome.reason.value,
            "sns_message_id": sns_message_id,
            "mask_id": str(mask) if mask else None,
            "mail_age_s": mail_age_s,
        },
    )
