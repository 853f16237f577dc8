"""The parts of a mail that its reader sees as the mail itself, and the note around them.

Only these are touched. Attachments, inline images, calendar parts and attached mails are carried as
they are; so is whatever is signed or encrypted, which any change would break.
"""

from dataclasses import dataclass
from itertools import chain

from emails.mime.encoding import UNREADABLE
from emails.mime.structure import Part

ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_SEALED = ENCRYPTED | {"multipart/signed"}
_MAX_WALKED = 5_000
"""Parts that are looked at in search of texts: a mail that has its texts behind more has none."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown: all texts, and those of them that the note belongs in.

    `noted` is one text, or its plain and its HTML form; empty if the mail begins with something
    that can't be written into. `encrypted` tells that the mail as a whole is.
    """

    texts: tuple[Part, ...]
    noted: tuple[Part, ...]
    encrypted: bool


@dataclass(frozen=True, slots=True)
class _Found:
    part: Part
    choice: Part | None  # the `multipart/alternative` around it that is the outermost


def is_sealed(part: Part) -> bool:
    """Tell whether the part is signed or encrypted."""
    return part.content_type in _SEALED


def shown(root: Part) -> Shown:
    """Find what a mail program shows of a mail."""
    found: list[_Found] = []
    sealed_first = False
    waiting: list[tuple[Part, Part | None]] = [(root, None)]
    for _ in range(_MAX_WALKED):
        if not waiting:
            break
        part, choice = waiting.pop()
        if is_sealed(part):
            sealed_first = sealed_first or not found
        elif is_shown_text(part):
            found.append(_Found(part, choice))
        elif part.main_type == "multipart":
            if choice is None and part.content_type == "multipart/alternative":
                choice = part
            waiting.extend((child, choice) for child in reversed(part.children))
    return Shown(
        texts=tuple(one.part for one in found),
        noted=() if sealed_first else _noted(found),
        encrypted=root.content_type in ENCRYPTED,
    )


def _noted(found: list[_Found]) -> tuple[Part, ...]:
    """Choose the first text, and its other form if there is a choice between the two."""
    if not found:
        return ()
    first = found[0]
    forms: dict[str, Part] = {}
    for one in found:
        if one is first or (first.choice is not None and one.choice is first.choice):
            forms.setdefault(one.part.content_type, one.part)
    return tuple(forms.values())


def is_shown_text(part: Part) -> bool:
    """Tell whether the part is plain text or HTML that is shown, and no file.

    A multipart in which no parts were found is shown as text, too.
    """
    if not part.is_leaf or part.encoding in UNREADABLE:
        return False
    if part.main_type == "multipart":
        return True
    return part.content_type in ("text/plain", "text/html") and not is_file(part)


def is_file(part: Part) -> bool:
    """Tell whether the part is a file: it says so, or has a file's name."""
    disposition = part.values("content-disposition")
    if disposition and disposition[0].lower().startswith(b"attachment"):
        return True
    names = chain(part.parameters("content-type"), part.parameters("content-disposition"))
    return any(name.partition("*")[0] in ("name", "filename") for name in names)
