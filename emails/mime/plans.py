"""The inputs and the result of rewriting a mail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Note:
    """What we add to the body. The HTML is a rendered, safe fragment: one block.

    `must_be_seen`: it warns, or says what became of an attachment, so a signed mail gets it, too.
    """

    text: str
    html: str
    must_be_seen: bool = False


@dataclass(frozen=True, slots=True)
class NoteWording:
    """The sentences of our note in one language, by which a quoted one is found.

    `footers` name `mask`, as does the `header` that the note had once. Some footers were in use
    before. In `trackers`, singular and plural, U+E000 stands for the number. `warnings` may precede
    a footer, the texts of `links` may follow it.
    """

    mask: str
    header: str
    footers: tuple[str, ...]
    trackers: tuple[str, ...]
    renamed: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForwardPlan:
    """How to forward a mail.

    `mask` becomes the sender, `recipient` is the owner's real address, `reply_to` the replies
    address. `make_note` is called with the number of trackers removed, by domain, and with the old
    names of the attachments that were renamed; None: this mail needs no note. `has_note_on_top`:
    the note goes above the mail's text instead of below. `marks` name the masks that the mail has
    gone through, this one included.
    `correspondent` is the address that a reply will go to; empty: unknown. `authentication` are
    the pieces of our `Authentication-Results`. `make_unsubscribe_url` makes what takes the place of
    a list's unsubscribe address: a mail there would come from the owner's real one. Empty: nothing.
    `organizers` returns the address that stands for the organizer's of a meeting; empty: none can.
    """

    mask: str
    recipient: str
    reply_to: str
    make_note: Callable[[Mapping[str, int], Sequence[str]], Note | None]
    now: datetime
    has_note_on_top: bool = False
    trackers: frozenset[str] = frozenset()
    warning_url: str = ""
    marks: tuple[str, ...] = ("preview",)
    correspondent: str = ""
    authentication: tuple[str, ...] = ()
    make_unsubscribe_url: Callable[[], str] = lambda: ""
    organizers: Callable[[str], str] = lambda organizer: ""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A mail ready to send: 7-bit clean, CRLF, no line over 998 octets, nothing that SES refuses.

    What an S/MIME signature covers that holds is sent as it is, 8-bit or not.

    `trackers_removed` counts by domain. `issues` lists the defects found, as values of `Issue`.
    """

    raw: bytes
    trackers_removed: Mapping[str, int]
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplyPlan:
    """How to send an owner's reply to the correspondent.

    `mask` becomes the sender, and replaces `owner_addresses` wherever they occur.
    `message_id_in_thread` is the Message-ID that the correspondent gave the mail being answered;
    `references` are the ids before it in the thread. `note_wordings`: our notes written in these
    are taken out of what the reply quotes. `stand_in` is the address of ours that stood for the
    correspondent's in a calendar; empty: none did.
    """

    mask: str
    correspondent: str
    owner_addresses: tuple[str, ...]
    message_id_in_thread: str | None
    references: tuple[str, ...]
    now: datetime
    note_wordings: tuple[NoteWording, ...] = ()
    stand_in: str = ""
