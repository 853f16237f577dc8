"""Who wrote a mail, and which thread it belongs to: what a later reply to it needs."""

from emails.rules.addresses import addresses_in, parse
from emails.values.facts import MailFacts
from emails.values.threads import Thread, ids_in

_MAX_REFERENCES = 20
"""The newest references are enough for a client to place a reply; a record stays small."""

_MAX_ID_LENGTH = 998


def thread_of(mail: MailFacts) -> Thread | None:
    """Give what to keep of a mail that is forwarded; None: nobody can be replied to."""
    correspondent = _correspondent(mail)
    if correspondent is None:
        return None
    return Thread(
        correspondent=correspondent,
        message_id=next(iter(_ids(mail, "message-id")), None),
        references=tuple(_ids(mail, "references")[-_MAX_REFERENCES:]),
    )


def _correspondent(mail: MailFacts) -> str | None:
    """Choose whom a reply goes to, as a mail client would: RFC 5322, 3.6.2.

    Of several addresses in `Reply-To` the first that can be used; the envelope's sender last,
    since for newsletters and the like it is a machine's.
    """
    written = [
        text
        for name in ("reply-to", "from")
        for value in mail.values(name)[:1]
        for text in addresses_in(value)
    ]
    return next((text for text in [*written, mail.source] if _is_usable(text)), None)


def _is_usable(text: str) -> bool:
    return text.isascii() and parse(text) is not None


def _ids(mail: MailFacts, name: str) -> list[str]:
    return [
        one
        for value in mail.values(name)
        for one in ids_in(value)
        if len(one) <= _MAX_ID_LENGTH and one.isascii() and one.isprintable()
    ]
