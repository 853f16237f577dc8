"""Compares a mail with its rewritten form, as a mail client would show the two.

Independent of the code under test: the standard library parses both mails, and this module decides
itself what is body text and what is an attachment. Each check returns a list of problems.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from html.parser import HTMLParser

ALLOWED = frozenset(
    {
        *("from", "to", "reply-to", "subject", "date", "in-reply-to", "references"),
        *("mime-version", "auto-submitted", "list-unsubscribe", "list-unsubscribe-post"),
        *("x-mail-relay-loop", "x-mail-relay-mask", "authentication-results", "resent-from"),
        *(f"x-mail-relay-original-{name}" for name in ("to", "cc", "sender", "list-post")),
        *("list-id", "list-post", "precedence", "importance", "priority"),
        *("x-priority", "x-msmail-priority"),
        *("content-type", "content-transfer-encoding", "content-disposition", "content-id"),
        *("content-description", "content-language", "content-location", "content-base"),
    }
)
REQUIRED = frozenset({"from", "to", "reply-to", "subject", "date", "mime-version"})
_SEALED = ("multipart/signed", "multipart/encrypted", "message/delivery-status")
"""Types that must not be re-encoded. Sending normalizes their line ends to CRLF."""
_FIELD = re.compile(rb"([!-9;-~]+): ?[^\r\n]*(?:\r\n[ \t][^\r\n]*[!-~][^\r\n]*)*\r\n")


@dataclass(frozen=True)
class Leaf:
    """One leaf part, decoded."""

    content_type: str
    file_name: str | None
    content_id: str | None
    disposition: str | None
    octets: bytes
    is_shown: bool
    text: str


def check_forward(original: bytes, result: bytes, *, mask: str, recipient: str) -> list[str]:
    """Check that a forwarded mail is complete and fit to be sent."""
    return [
        *check_octets(result),
        *_check_top(result, mask, recipient),
        *_check_leaves(list(leaves(original)), list(leaves(result))),
    ]


def check_octets(result: bytes) -> list[str]:
    """Check SES's requirements: https://docs.aws.amazon.com/ses/latest/dg/quotas.html"""
    problems = []
    if not result.isascii():
        problems.append("not 7-bit clean")
    if b"\0" in result:
        problems.append("a NUL")
    if result.count(b"\r\n") != result.count(b"\n") or result.count(b"\r\n") != result.count(b"\r"):
        problems.append("a line that does not end in CRLF")
    if max(map(len, result.split(b"\r\n"))) > 998:
        problems.append("a line that is too long")
    return problems


def _check_top(result: bytes, mask: str, recipient: str) -> Iterator[str]:
    head, _, _ = result.partition(b"\r\n\r\n")
    head += b"\r\n"
    fields = list(_FIELD.finditer(head))
    if b"".join(field[0] for field in fields) != head:
        yield "a malformed header line"
    names = [field[1].decode().lower() for field in fields]
    if len(names) != len(set(names)):
        yield "a repeated header"
    yield from (f"the header {name} is not on the list" for name in set(names) - ALLOWED)
    yield from (f"the header {name} is missing" for name in REQUIRED - set(names))
    mail = message_from_bytes(result, policy=policy.default)
    for name in ("from", "to", "reply-to", "date", "mime-version"):
        if defects := getattr(mail[name], "defects", ()):
            yield f"the header {name} is malformed: {defects[0]}"
    if [one.addr_spec for one in mail["from"].addresses] != [mask]:
        yield "From is not the mask"
    if [one.addr_spec for one in mail["to"].addresses] != [recipient]:
        yield "To is not the recipient"


def _check_leaves(before: list[Leaf], after: list[Leaf]) -> Iterator[str]:
    at = 0
    for leaf in before:
        found = next((n for n in range(at, len(after)) if _is_same(leaf, after[n])), None)
        if found is None:
            yield f"a part is missing or was changed: {leaf.content_type}"
        else:
            at = found + 1


def _is_same(before: Leaf, after: Leaf) -> bool:
    if before.is_shown:
        return _words(before.text) in _words(after.text)
    return (
        before.content_type == after.content_type
        and before.file_name == after.file_name
        and before.content_id == after.content_id
        and before.disposition == after.disposition
        and before.octets == after.octets
    )


def _words(text: str) -> str:
    """Normalize whitespace and replacement characters to single spaces."""
    return " ".join(re.sub("[\ufffd?\ufeff\x00-\x20]+", " ", text).split())


def leaves(raw: bytes) -> Iterator[Leaf]:
    """Yield the leaf parts of a mail, in order."""
    waiting: list[tuple[Message, bool, bool]] = [(message_from_bytes(raw), True, False)]
    while waiting:
        part, is_body, is_sealed = waiting.pop()
        is_sealed = is_sealed or part.get_content_type() in _SEALED
        is_body = is_body and not is_sealed and part.get_content_maintype() != "message"
        children = part.get_payload()
        if isinstance(children, list):
            waiting += [
                (child, is_body, is_sealed)
                for child in reversed(children)
                if isinstance(child, Message)
            ]
        else:
            yield _leaf(part, is_body=is_body, is_sealed=is_sealed)


def _leaf(part: Message, *, is_body: bool, is_sealed: bool) -> Leaf:
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    if is_sealed:
        octets = re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
    file_name = part.get_filename()
    disposition = part.get_content_disposition()
    content_type = part.get_content_type()
    is_text = (
        content_type in ("text/plain", "text/html") or part.get_content_maintype() == "multipart"
    )
    is_shown = is_body and is_text and disposition != "attachment" and file_name is None
    text = _text(octets, part) if is_shown else ""
    return Leaf(
        content_type=content_type,
        file_name=str(file_name) if file_name is not None else None,
        content_id=str(part["Content-ID"]).strip() if "Content-ID" in part else None,
        disposition=disposition,
        octets=octets,
        is_shown=is_shown,
        text=visible_text(text) if content_type == "text/html" else text,
    )


def _text(octets: bytes, part: Message) -> str:
    """Decode a text with its declared charset, or else with the first one that fits."""
    declared = part.get_content_charset("us-ascii")
    for charset in (declared, "utf-8", "cp1252"):
        try:
            return octets.decode(charset)
        except (LookupError, UnicodeError):
            continue
    return octets.decode("latin-1")


class _Visible(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in ("script", "style", "title")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style", "title") and self.hidden > 0

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.texts.append(data)


def visible_text(html: str) -> str:
    """Return the text of a page that a browser shows."""
    reader = _Visible()
    reader.feed(html)
    reader.close()
    return " ".join(reader.texts)
