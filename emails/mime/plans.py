"""What rewriting a mail takes and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Note:
    """What is put around the body; the HTML is a rendered, safe fragment."""

    text_header: str
    text_footer: str
    html_header: str
    html_footer: str


@dataclass(frozen=True, slots=True)
class ForwardPlan:
    """How to forward a mail.

    `mask` becomes the sender, `recipient` is the owner's real address, `reply_to` the replies
    address. `make_note` gets the number of trackers removed for each of their domains.
    """

    mask: str
    recipient: str
    reply_to: str
    make_note: Callable[[Mapping[str, int]], Note]
    now: datetime
    trackers: frozenset[str] = frozenset()
    warning_url: str = ""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A mail that is ready to be sent: 7-bit clean, CRLF, no line over 998 octets.

    `issues` names, in fixed words, what was not as it should be and was survived.
    """

    raw: bytes
    trackers_removed: Mapping[str, int]
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplyPlan:
    """How to send an owner's reply on.

    `mask` becomes the sender; `owner_addresses` are replaced by it wherever they stand.
    `message_id_in_thread` is the Message-ID of the mail that is replied to, as its writer knows it,
    and `references` are those before it.
    """

    mask: str
    correspondent: str
    owner_addresses: tuple[str, ...]
    message_id_in_thread: str | None
    references: tuple[str, ...]
    now: datetime
