"""The received mail that a notification is about, shared by its recipients."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from emails.edges.ports import MailRoom, MailStore
from emails.mime.header_block import has_header
from emails.mime.read_headers import read_headers
from emails.values.errors import Refused
from emails.values.facts import MailFacts
from emails.values.notifications import InlineMail, Received, StoredMail
from emails.values.outcomes import RefuseReason

_UNKNOWN = "unknown"


class Inbound:
    """A received mail. Its bytes are fetched once, when first needed, and let go at the end."""

    def __init__(self, received: Received, mail_store: MailStore, room: MailRoom) -> None:
        self._received = received
        self._mail_store = mail_store
        self._room = room
        self._raw: bytes | None = None
        self._facts: MailFacts | None = None

    def __enter__(self) -> "Inbound":
        return self

    def __exit__(self, *_: object) -> None:
        self._raw = None
        self._room.leave()

    def raw(self) -> bytes:
        """Return the mail's bytes. Raises `NotFinished`, or `Refused` if they are no mail."""
        if self._raw is None:
            raw = self._fetched()
            if not has_header(raw):
                raise Refused(RefuseReason.NOT_A_MAIL)
            self._raw = raw
        return self._raw

    def _fetched(self) -> bytes:
        match self._received.content:
            case StoredMail() as stored:
                return self._mail_store.fetch(stored, self._room)
            case InlineMail(raw):
                return raw
            case _:
                assert_never(self._received.content)

    @property
    def received_at(self) -> datetime | None:
        """When SES received the mail, if it says so."""
        return self._received.received_at

    @property
    def has_one_recipient(self) -> bool:
        """Whether it went to one address only."""
        return len(self._received.recipients) == 1

    def keep_as(self, kept: StoredMail) -> int:
        """Store a copy of the mail; return its size in bytes. Raises `Refused` or `NotFinished`."""
        match self._received.content:
            case StoredMail() as stored:
                return self._mail_store.copy(stored, kept.key)
            case InlineMail(raw):
                self._mail_store.put(kept, raw)
                return len(raw)
            case _:
                assert_never(self._received.content)

    def notified_facts(self) -> MailFacts:
        """Return what the notification says about the mail; headers may be missing."""
        return self._received.mail

    def facts(self) -> MailFacts:
        """Return the facts for the rules. Fetches the mail if SES left headers out."""
        if not self._received.headers_truncated:
            return self._received.mail
        if self._facts is None:
            given = self._received.mail
            self._facts = replace(given, headers=read_headers(self.raw()))
            if not given.source:
                # SES writes the envelope's sender at the top (RFC 5321, 4.4). Without it nothing is
                # known, which is not the same as the empty sender of a machine's answer.
                source = self._facts.first("return-path") or _UNKNOWN
                self._facts = replace(self._facts, source=source)
        return self._facts
