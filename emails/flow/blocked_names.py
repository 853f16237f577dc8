"""Adds the names of senders that were blocked on an owner's page, which can't read their mails.

The block itself goes by a hash and works at once. The held mail stays in S3 until its sender was
read, for at most a day; afterwards the owner sees the block without a name.
"""

from datetime import datetime, timedelta

from emails.flow.context import Ports
from emails.flow.digests import HEAD_BYTES
from emails.mime.read_headers import read_headers
from emails.rules.sender_blocks import sender_to_block
from emails.store import sender_blocks
from emails.values.errors import NotFinished, Refused
from emails.values.facts import NOT_CHECKED, MailFacts

BATCH = 200
PATIENCE = timedelta(days=1)


def name_blocked_senders(ports: Ports, now: datetime) -> None:
    """Name blocked senders. One that can't be read now is tried again by the next run."""
    for unnamed in sender_blocks.find_unnamed(BATCH):
        try:
            head = ports.mail_store.fetch_start(unnamed.mail, HEAD_BYTES)
        except NotFinished as error:
            if error.max_tries is None:
                return
            if now > unnamed.created_at + PATIENCE:
                sender_blocks.record_name(unnamed.id, None, ports.reply_secret)
            continue
        except Refused:
            sender_blocks.record_name(unnamed.id, None, ports.reply_secret)
            continue
        facts = MailFacts(source="", verdicts=NOT_CHECKED, headers=read_headers(head))
        sender_blocks.record_name(unnamed.id, sender_to_block(facts), ports.reply_secret)
