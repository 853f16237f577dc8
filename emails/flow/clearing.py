"""Ends held mails whose time is over, and deletes ended ones from S3. Bounded; runs again."""

from datetime import datetime

from emails.edges import events
from emails.edges.ports import MailStore
from emails.store import held
from emails.values.errors import NotFinished, Refused
from emails.values.notifications import StoredMail

EXPIRE_BATCH = 1_000
CLEAR_BATCH = 500
"""How many mails one run deletes; S3 allows a thousand a call."""


def expire_held_mails(now: datetime) -> None:
    """End the mails that nobody released in time, and those whose mask or owner is gone."""
    for reason, number in held.expire(now, EXPIRE_BATCH).items():
        events.held_mails_expired(reason, number)
    if number := held.end_orphans(now):
        events.data_removed("orphaned_held_mails", number)


def clear_ended_mails(mail_store: MailStore, now: datetime) -> None:
    """Delete ended mails from S3. Those that S3 doesn't delete are logged, and tried again."""
    found = held.find_to_clear(now, CLEAR_BATCH)
    for bucket in {mail.bucket for _, mail in found}:
        _clear(mail_store, bucket, [one for one in found if one[1].bucket == bucket])


def _clear(mail_store: MailStore, bucket: str, mails: list[tuple[int, StoredMail]]) -> None:
    try:
        kept = mail_store.delete(bucket, [mail.key for _, mail in mails])
    except (NotFinished, Refused) as error:
        events.mails_not_deleted(len(mails), error.reason)
        return
    for code in sorted(set(kept.values())):
        events.mails_not_deleted(list(kept.values()).count(code), code)
    cleared = [key for key, mail in mails if mail.key not in kept]
    held.record_cleared(cleared)
    events.data_removed("held_mails", len(cleared))
