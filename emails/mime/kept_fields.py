"""What a forwarded mail's top header says about the original, for readers and their filters.

Nothing here may lead a mail program to answer anybody but the mask, since that would reveal the
owner: addresses stand in fields of our own, which no program answers. So does `Sender`, because
SES sends only for senders that it has verified, and a list's address for posts, because mail
programs offer it first: https://docs.aws.amazon.com/ses/latest/dg/verify-addresses-and-domains.html
"""

import re
from collections.abc import Iterator

from emails.mime.fields import decoded, encoded, written
from emails.mime.structure import Part
from emails.values.header_names import ORIGINAL_PREFIX

_MAX_VALUE = 2_000
"""Characters of a field of ours. A mail may go to ten thousand people."""

_MAX_NAME = 200
_LIST_ID = re.compile(rb"(.*)<\s*([!-;=?-~]{1,255})\s*>[^<>]*\Z", re.DOTALL)
_BARE_LIST_ID = re.compile(rb"[!-;=?-~]{1,255}")
_WEB_URL = re.compile(rb"<\s*(https?://[!-;=?-~]{1,900})\s*>", re.IGNORECASE)
_ORIGINALS = ("To", "Cc", "Sender", "List-Post")

# Fields of one word, and the words that are allowed in them.
_WORDS = {
    "Precedence": re.compile(rb"[a-z_-]{1,20}", re.IGNORECASE),
    "Importance": re.compile(rb"high|normal|low", re.IGNORECASE),
    "Priority": re.compile(rb"urgent|normal|non-urgent", re.IGNORECASE),
    "X-Priority": re.compile(rb"[1-5]"),
    "X-MSMail-Priority": re.compile(rb"high|normal|low", re.IGNORECASE),
}


def kept_fields(mail: Part) -> Iterator[bytes]:
    """Write the fields, each at most once."""
    for name in _ORIGINALS:
        yield from _original(mail, name)
    yield from _list_id(mail)
    urls = _WEB_URL.findall(b" ".join(mail.values("list-post")))
    if urls:
        yield written("List-Post", f"<{urls[0].decode()}>")
    for name, word in _WORDS.items():
        for value in mail.values(name.lower())[:1]:
            if found := word.match(value):
                yield written(name, found[0].decode())


def _original(mail: Part, name: str) -> Iterator[bytes]:
    """Write down what stood in a field, to be read; readable, so without encoded words."""
    text = ", ".join(filter(None, map(decoded, mail.values(name.lower()))))
    if text:
        field = f"{ORIGINAL_PREFIX}{name}"
        yield written(field, encoded(_shortened(text), first_line=len(field) + 2))


def _shortened(text: str) -> str:
    if len(text) <= _MAX_VALUE:
        return text
    return f"{text[:_MAX_VALUE].rpartition(',')[0] or text[:_MAX_VALUE]}, …"


def _list_id(mail: Part) -> Iterator[bytes]:
    """RFC 2919: a phrase, and an id by which filters know the list."""
    for value in mail.values("list-id")[:1]:
        if found := _LIST_ID.match(value):
            name = decoded(found[1].strip().strip(b'"'))[:_MAX_NAME].strip()
            phrase = f"{encoded(name, first_line=len('List-Id: '))}\r\n " if name else ""
            yield written("List-Id", f"{phrase}<{found[2].decode()}>")
        elif bare := _BARE_LIST_ID.fullmatch(value):
            yield written("List-Id", f"<{bare[0].decode()}>")
