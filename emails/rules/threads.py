"""What to store about a forwarded mail, so that a reply to it can be delivered and threaded."""

from emails.rules.addresses import addresses_in, parse
from emails.values.facts import MailFacts
from emails.values.notices import MailIds
from emails.values.threads import Thread, ids_in

_MAX_REFERENCES = 20
"""The newest references are enough for mail clients to thread a reply, and keep records small."""

_MAX_ID_LENGTH = 998
_MAX_SHOWN_ID = 250


def thread_of(mail: MailFacts) -> Thread | None:
    """Return what to store about a forwarded mail. None: it has no usable reply address."""
    correspondent = _correspondent(mail)
    if correspondent is None:
        return None
    return Thread(
        correspondent=correspondent,
        message_id=next(iter(_ids(mail, "message-id")), None),
        references=tuple(_ids(mail, "references")[-_MAX_REFERENCES:]),
    )


def ids_of(mail: MailFacts) -> MailIds:
    """Return the ids by which a notice about this mail is shown under it. Strangers choose some."""
    found = [one for one in _ids(mail, "message-id") if _is_short(one)]
    older = [*_ids(mail, "references"), *_ids(mail, "in-reply-to")]
    quoted = dict.fromkeys(one for one in older if _is_short(one))
    return MailIds(next(iter(found), None), tuple(quoted)[-_MAX_REFERENCES:])


def _correspondent(mail: MailFacts) -> str | None:
    """Choose the address a reply goes to, as a mail client would: RFC 5322, 3.6.2.

    The first usable address in `Reply-To`, else in `From`. The envelope sender comes last: for
    newsletters it is a machine's.
    """
    candidates = [
        text
        for name in ("reply-to", "from")
        for value in mail.values(name)[:1]
        for text in addresses_in(value)
    ]
    return next((text for text in [*candidates, mail.source] if _is_usable(text)), None)


def _is_short(message_id: str) -> bool:
    """Return whether an id fits in one line of a header, with its brackets."""
    return len(message_id) <= _MAX_SHOWN_ID and "<" not in message_id and ">" not in message_id


def _is_usable(text: str) -> bool:
    return text.isascii() and parse(text) is not None


def _ids(mail: MailFacts, name: str) -> list[str]:
    return [
        message_id
        for value in mail.values(name)
        for message_id in ids_in(value)
        if len(message_id) <= _MAX_ID_LENGTH and message_id.isascii() and message_id.isprintable()
    ]
