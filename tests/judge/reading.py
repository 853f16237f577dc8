"""What three readers that know nothing of each other, or of us, find in a mail.

They are Python's own, and postal-mime and mailparser in JavaScript (`read.js`).
"""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PACKAGES = FOLDER.parents[1] / "build" / "judge"
"""Where `make judge` installs the readers in JavaScript."""

_ENCODED_WORDS = re.compile(r"((?:=\?[^?\s]+\?[bqBQ]\?[^?]*\?=(?:\s+(?==\?))?)+)")
_ID = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Attachment:
    """A file: anything that is not the mail's text."""

    name: str
    content_id: str
    type: str
    octets: bytes


@dataclass(frozen=True)
class Reading:
    """What a mail program would show. `html` is the page's source; `date` is in ISO format."""

    name: str
    address: str
    subject: str
    date: str
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]


def missing() -> str | None:
    """Return what is missing for the readers in JavaScript. None: nothing."""
    if not shutil.which("node"):
        return "Node.js"
    if not (PACKAGES / "node_modules" / "postal-mime").is_dir():
        return "the packages that `make judge` installs"
    return None


def read_all(mails: Sequence[bytes]) -> list[dict[str, Reading]]:
    """Read each mail with each reader, by the reader's name."""
    done = subprocess.run(
        ["node", str(FOLDER / "read.js"), str(PACKAGES)],
        input=json.dumps([base64.b64encode(one).decode() for one in mails]),
        capture_output=True,
        text=True,
        check=True,
    )
    found = [{"python": _by_python(one)} for one in mails]
    for readings, others in zip(found, json.loads(done.stdout), strict=True):
        readings.update({name: _from_json(one) for name, one in others.items()})
    return found


def _from_json(given: dict[str, Any]) -> Reading:
    attachments = tuple(
        Attachment(
            one["name"], one["content_id"], one["type"] or "", base64.b64decode(one["octets"])
        )
        for one in given.pop("attachments")
    )
    given |= {name: tuple(given[name]) for name in ("in_reply_to", "references")}
    return Reading(**given, attachments=attachments)


def _by_python(raw: bytes) -> Reading:
    mail = message_from_bytes(raw, policy=policy.compat32)
    shown = list(_shown(mail))
    name, address = parseaddr(_first(mail, "from"))
    return Reading(
        name=words(name),
        address=_raw(address),
        subject=words(_first(mail, "subject")),
        date=_date(mail),
        message_id="".join(_ids(mail, "message-id")[:1]),
        in_reply_to=_ids(mail, "in-reply-to"),
        references=_ids(mail, "references"),
        text="\n".join(_text(one) for one in shown if one.get_content_type() != "text/html"),
        html="\n".join(_text(one) for one in shown if one.get_content_type() == "text/html"),
        attachments=tuple(_attachment(one) for one in _leaves(mail) if one not in shown),
    )


def _leaves(mail: Message) -> Iterator[Message]:
    waiting: list[Message] = [mail]
    while waiting:
        part = waiting.pop()
        children = part.get_payload()
        if isinstance(children, list):
            waiting += [one for one in reversed(children) if isinstance(one, Message)]
        else:
            yield part


def _shown(mail: Message) -> Iterator[Message]:
    for part in _leaves(mail):
        is_text = part.get_content_type() in ("text/plain", "text/html")
        if is_text and part.get_content_disposition() != "attachment" and not part.get_filename():
            yield part


def _text(part: Message) -> str:
    octets = _octets(part)
    for charset in (part.get_content_charset("utf-8"), "utf-8", "cp1252"):
        try:
            return octets.decode(charset)
        except (LookupError, UnicodeError):
            continue
    return octets.decode("latin-1")


def _octets(part: Message) -> bytes:
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets


def _attachment(part: Message) -> Attachment:
    content_id = str(part["Content-ID"] or "").strip().strip("<>")
    return Attachment(
        words(part.get_filename()), content_id, part.get_content_type(), _octets(part)
    )


def words(value: str | None) -> str:
    """Decode a header's value: encoded words by Python, raw octets as UTF-8 or Windows-1252."""
    pieces = _ENCODED_WORDS.split(value or "")
    return "".join(
        _decoded_words(piece) if number % 2 else _raw(piece) for number, piece in enumerate(pieces)
    )


def _decoded_words(words: str) -> str:
    try:
        return str(make_header(decode_header(words)))
    except (LookupError, ValueError):
        return words


def _raw(piece: str) -> str:
    octets = piece.encode("utf-8", "surrogateescape")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def _values(mail: Message, name: str) -> list[str]:
    """Return a header's values as they are written; raw octets are surrogates."""
    return [str(value) for key, value in mail.raw_items() if key.lower() == name]


def _first(mail: Message, name: str) -> str:
    return re.sub(r"[\r\n]", "", next(iter(_values(mail, name)), ""))


def _date(mail: Message) -> str:
    try:
        return parsedate_to_datetime(_first(mail, "date")).isoformat()
    except (TypeError, ValueError):
        return ""


def _ids(mail: Message, name: str) -> tuple[str, ...]:
    return tuple(_ID.findall(" ".join(map(_raw, _values(mail, name)))))
