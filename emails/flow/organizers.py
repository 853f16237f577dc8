"""Gives the organizers of meetings in one mail addresses of ours, and remembers which."""

from emails.flow.context import Context
from emails.rules.stand_ins import quoted_id, stand_in, token_for
from emails.rules.threads import thread_of
from emails.store.reply_records import ReplyRecord, seal
from emails.values.facts import MailFacts
from emails.values.threads import Thread

_MAX_ORGANIZERS = 3
"""A mail invites to meetings of one. Others get no answer."""


class Organizers:
    """Called with an organizer's address while the mail is rewritten.

    The addresses of ours are always the same, so a mail that is rewritten again after it was sent
    gets those that it was sent with.
    """

    def __init__(self, context: Context, mail: MailFacts, mask: str) -> None:
        self._ports = context.ports
        self._mail = mail
        self._mask = mask
        self._tokens: dict[str, str] = {}

    def __call__(self, organizer: str) -> str:
        """Return the address that stands for an organizer's. Empty: none can."""
        token = token_for(organizer, self._mask, self._ports.reply_secret)
        address = stand_in(token, self._ports.policy.replies_address) if token else ""
        if not token or not address:
            return ""
        if token not in self._tokens and len(self._tokens) >= _MAX_ORGANIZERS:
            return ""
        self._tokens.setdefault(token, organizer)
        return address

    def records(self) -> list[ReplyRecord]:
        """Make the reply records by which the owner's calendar can answer them."""
        if not self._tokens:
            return []
        thread = thread_of(self._mail)
        message_id = thread.message_id if thread else None
        references = thread.references if thread else ()
        return [
            seal(
                Thread(organizer, message_id, references),
                quoted_id(token),
                self._ports.reply_secret,
            )
            for token, organizer in self._tokens.items()
        ]
