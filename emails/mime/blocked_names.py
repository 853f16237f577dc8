"""Renames attachments that SES would not send: `server.crt` becomes `server.crt.renamed`.

SES judges a file by its name alone, wherever the name stands and however it is encoded, also within
attached mails. https://docs.aws.amazon.com/ses/latest/dg/mime-types.html

Within a signed part a name can't be changed, since that would break the signature.
"""

from collections.abc import Iterator

from emails.mime.assemble import WITH_PARAMETERS, MailChanges, write_field, write_parameters
from emails.mime.header_block import Field, unfolded
from emails.mime.issues import Issue
from emails.mime.parameters import every_parameter, readable_parameters
from emails.mime.structure import Part
from emails.values.errors import Unsendable, UnsendableReason
from emails.values.ses_limits import BLOCKED_EXTENSIONS

SUFFIX = ".renamed"

_MAX_NAME = 1_000

_NAMES = frozenset({"name", "filename"})
_SIGNED = "multipart/signed"
_ENDINGS = ". \t\"'"
"""Other programs ignore these at the end of a name."""


def is_blocked(name: str) -> bool:
    """Return whether SES refuses an attachment of this name."""
    _, dot, extension = name.rstrip(_ENDINGS).rpartition(".")
    return bool(dot) and extension.lower() in BLOCKED_EXTENSIONS


def sendable(name: str) -> str:
    """Return the name that the file gets."""
    return f"{name.rstrip(_ENDINGS)[-_MAX_NAME:]}{SUFFIX}" if is_blocked(name) else name


def renamed(given: dict[str, str]) -> dict[str, str]:
    """Return a field's parameters with all blocked names changed."""
    return {key: sendable(text) if key in _NAMES else text for key, text in given.items()}


def blocked_in(value: bytes) -> tuple[str, ...]:
    """Return the blocked names in the value of a field such as `Content-Type`.

    Of a parameter that stands there twice, SES may read either.
    """
    if b"name" not in value.lower():
        return ()
    given = readable_parameters(value)
    found = [given[key] for key in given if key in _NAMES]
    found += [text for key, text in every_parameter(value) if key in _NAMES]
    return tuple(dict.fromkeys(filter(is_blocked, found)))


class BlockedNames:
    """The blocked names of a mail's parts. Raises `Unsendable` if one of them is signed."""

    def __init__(self, changes: MailChanges, issues: set[Issue]) -> None:
        self._changes = changes
        self._parts: list[Part] = []
        found: dict[str, None] = {}
        for part, is_signed in _walk(changes.root):
            # Nearly no header has a name at all, and this is the fastest way to see that.
            if b"name" not in changes.raw[part.start : part.body].lower():
                continue
            names = _blocked_of(part)
            if not names:
                continue
            if is_signed:
                raise Unsendable(UnsendableReason.SIGNED_NAME)
            issues.add(Issue.ATTACHMENT_RENAMED)
            self._parts.append(part)
            found.update(dict.fromkeys(names))
        self.found = tuple(found)

    def write(self) -> None:
        """Change the names. Comes last: other changes may have written a part's type anew."""
        if not self._parts:
            return
        self._changes.write_field = _write_field
        for part in self._parts:
            self._changes.change_header(part)
        rename_in_types(self._changes)


def rename_in_types(changes: MailChanges) -> None:
    """Change blocked names in the types that are to be written."""
    for part, change in changes.headers.items():
        if change.content_type is None:
            continue
        value = unfolded(change.content_type.encode("ascii", "replace"))
        if blocked_in(value):
            line = write_parameters("Content-Type", value, renamed(readable_parameters(value)))
            content_type = line.decode("ascii").partition(": ")[2].removesuffix("\r\n")
            changes.change_header(part, content_type=content_type)


def _walk(root: Part) -> Iterator[tuple[Part, bool]]:
    """Yield each part, and whether a signature covers its header: RFC 1847, 2.1."""
    waiting = [(root, False)]
    while waiting:
        part, is_signed = waiting.pop()
        yield part, is_signed
        if part.children:
            is_covered = is_signed or part.content_type == _SIGNED
            waiting.extend((child, is_signed) for child in reversed(part.children[1:]))
            waiting.append((part.children[0], is_covered))


def _blocked_of(part: Part) -> tuple[str, ...]:
    values = (one.value for one in part.fields if one.name in WITH_PARAMETERS and b";" in one.value)
    return tuple(name for value in values for name in blocked_in(unfolded(value)))


def _write_field(raw: bytes, original: Field) -> bytes:
    if original.name in WITH_PARAMETERS:
        value = unfolded(original.value)
        if blocked_in(value):
            return write_parameters(
                original.name.title(), value, renamed(readable_parameters(value))
            )
    return write_field(raw, original)
