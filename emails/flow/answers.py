"""A mail to the replies address: what a person answers, or an owner's calendar."""

from dataclasses import dataclass

from emails.flow.context import Context
from emails.flow.inbound import Inbound
from emails.mime.invitations import answers_invitation
from emails.rules.mail_kind import is_automatic
from emails.rules.stand_ins import quoted_id
from emails.store import lookups
from emails.values.facts import MailFacts, ReplyFacts
from emails.values.threads import quoted_ids


@dataclass(frozen=True, slots=True)
class Answer:
    """The mail, and the token in the address that it came to; empty: none."""

    inbound: Inbound
    token: str = ""

    def facts(self) -> MailFacts:
        """Return the facts for the rules."""
        return self.inbound.facts()

    def is_from_calendar(self) -> bool:
        """Return whether a calendar wrote this, because its user said so, and says that it did.

        Fetches the mail, but only if a machine wrote it.
        """
        by_machine = bool(self.token) and is_automatic(self.facts())
        return by_machine and answers_invitation(self.inbound.raw())


def find_thread(context: Context, answer: Answer) -> ReplyFacts | None:
    """Find the thread that it belongs to, by the token or the ids that it quotes."""
    mail = answer.facts()
    quoted = quoted_ids(mail.values("in-reply-to"), mail.values("references"))
    ids = (quoted_id(answer.token), *quoted) if answer.token else quoted
    if not ids:
        return None
    found = lookups.find_reply(ids, context.ports.reply_secrets)
    return found or context.ports.predecessor.find_reply(ids)
