"""Ends held mails whose time is over, and deletes ended ones from S3. Bounded; runs again."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

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
    held.clear(now, CLEAR_BATCH, partial(_delete, mail_store))


def _delete(mail_store: MailStore, mails: Sequence[StoredMail]) -> list[StoredMail]:
    """Delete the mails, and return those that are gone."""
    gone: list[StoredMail] = []
    for bucket in {mail.bucket for mail in mails}:
        gone += _delete_in(mail_store, bucket, [mail for mail in mails if mail.bucket == bucket])
    return gone


def _delete_in(mail_store: MailStore, bucket: str, mails: Sequence[StoredMail]) -> list[StoredMail]:
    try:
        kept = mail_store.delete(bucket, [mail.key for mail in mails])
    except (NotFinished, Refused) as error:
        events.mails_not_deleted(len(mails), error.reason)
        return []
    for code in sorted(set(kept.values())):
        events.mails_not_deleted(list(kept.values()).count(code), code)
    gone = [mail for mail in mails if mail.key not in kept]
    events.data_removed("held_mails", len(gone))
    return gone
