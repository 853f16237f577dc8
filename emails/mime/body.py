"""Finds the texts of a mail that mail programs show as its body, and where our note belongs.

Only these are changed. Attachments, inline images, calendar parts and attached mails stay as they
are. So do signed and encrypted parts, since any change would break them.
"""

from dataclasses import dataclass
from itertools import chain

from emails.mime.encoding import UNREADABLE
from emails.mime.structure import Part

ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_SEALED = ENCRYPTED | {"multipart/signed"}
PAGES = frozenset({"application/xhtml+xml", "image/svg+xml", "text/html", "text/x-amp-html"})
"""Types that are read as HTML is."""

_MAX_WALKED = 5_000
"""Parts that are searched for texts; later ones are ignored."""


@dataclass(frozen=True, slots=True)
class VisibleBody:
    """The texts that mail programs show, and those of them that carry our note.

    `carriers` is one text, or its plain and its HTML form: the first, or the last for a note at the
    bottom. Empty if a signed or encrypted part comes before (after) it, or no text is visible.
    `is_encrypted`: the mail as a whole is encrypted. `pages` are what else may load something: the
    other forms of HTML, drawings, and HTML with a file name that is not declared an attachment.
    """

    texts: tuple[Part, ...]
    pages: tuple[Part, ...]
    carriers: tuple[Part, ...]
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class _Found:
    part: Part
    alternative: Part | None  # the outermost `multipart/alternative` around it


def is_sealed(part: Part) -> bool:
    """Return whether the part is signed or encrypted."""
    return part.content_type in _SEALED


def find_visible(root: Part, *, at_top: bool) -> VisibleBody:
    """Find the texts that mail programs show as the body of a mail."""
    found: list[_Found] = []
    pages: list[Part] = []
    sealed_first = sealed_last = False
    waiting: list[tuple[Part, Part | None]] = [(root, None)]
    for _ in range(_MAX_WALKED):
        if not waiting:
            break
        part, alternative = waiting.pop()
        if is_sealed(part):
            sealed_first, sealed_last = sealed_first or not found, True
        elif is_visible_text(part):
            sealed_last = False
            found.append(_Found(part, alternative))
        elif _is_page(part):
            pages.append(part)
        elif part.main_type == "multipart":
            if alternative is None and part.content_type == "multipart/alternative":
                alternative = part
            waiting.extend((child, alternative) for child in reversed(part.children))
    return VisibleBody(
        texts=tuple(one.part for one in found),
        pages=tuple(pages),
        carriers=()
        if (sealed_first if at_top else sealed_last)
        else _carriers(found if at_top else found[::-1]),
        is_encrypted=root.content_type in ENCRYPTED,
    )


def _carriers(found: list[_Found]) -> tuple[Part, ...]:
    """Choose the first text and, in a `multipart/alternative`, its other form."""
    if not found:
        return ()
    first = found[0]
    forms: dict[str, Part] = {}
    for one in found:
        if one is first or (first.alternative is not None and one.alternative is first.alternative):
            forms.setdefault(one.part.content_type, one.part)
    return tuple(forms.values())


def is_visible_text(part: Part) -> bool:
    """Return whether mail programs show the part as plain text or HTML, not as a file.

    A multipart without parts is shown as text, too.
    """
    if not part.is_leaf or part.encoding in UNREADABLE:
        return False
    if part.main_type == "multipart":
        return True
    is_text = part.content_type in ("text/plain", "text/html")
    return is_text and not is_attachment(part) and not _has_file_name(part)


def _is_page(part: Part) -> bool:
    is_read = part.is_leaf and part.encoding not in UNREADABLE
    return part.content_type in PAGES and is_read and not is_attachment(part)


def is_attachment(part: Part) -> bool:
    """Return whether the part is declared an attachment (RFC 2183, 2.2)."""
    disposition = part.values("content-disposition")
    return bool(disposition) and disposition[0].lower().startswith(b"attachment")


def _has_file_name(part: Part) -> bool:
    names = chain(part.parameters("content-type"), part.parameters("content-disposition"))
    return any(name.partition("*")[0] in ("name", "filename") for name in names)
