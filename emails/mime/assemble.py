"""Collects changes to a mail, and applies them to its bytes.

A change replaces a slice; everything between is copied. So whatever we don't understand survives,
and a large attachment is copied only once.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from emails.mime.address_fields import ADDRESS_FIELDS, written_addresses
from emails.mime.encoding import is_clean, sanitized
from emails.mime.fields import decoded, encoded, written
from emails.mime.header_block import Field, unfolded
from emails.mime.parameters import is_torn, readable_parameters, with_parameters
from emails.mime.structure import Part

Octets: TypeAlias = bytes | memoryview

CONTENT_FIELDS = (
    *("content-type", "content-transfer-encoding", "content-disposition", "content-id"),
    *("content-description", "content-language", "content-location", "content-base"),
)
WITH_PARAMETERS = frozenset({"content-type", "content-disposition"})
_BLOCK = 1 << 20
_HAS_BLANK_LINE = re.compile(rb"[\r\n][ \t]+[\r\n]")  # many times faster than the next
_BLANK_LINE = re.compile(rb"(?:(?<=\n)|(?<=\r)|\A)[ \t]+(?:\r\n|\r|\n)")
_NO_TOKEN = re.compile(r"[^!-~]+|[\"(),:<>@\[\\\]]+")


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """The new type and transfer encoding in a part's header. None: unchanged.

    `content_type` is the field's value as it will be written: ASCII, folded.
    """

    content_type: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Replaces `raw[start:end]` by `pieces`."""

    start: int
    end: int
    pieces: tuple[Octets, ...]


FieldWriter: TypeAlias = Callable[[bytes, Field], bytes]
"""Writes one field of a part's header; returns `b""` to drop it."""


def write_field(raw: bytes, original: Field) -> bytes:
    """Copy a field, or encode it if it isn't clean. Programs differ in how they read torn quotes.

    A line of blanks is left out: to some programs it ends the header.
    """
    value, name = unfolded(original.value), original.name.title()
    has_parameters = original.name in WITH_PARAMETERS
    is_clear = is_clean(raw, original.start, original.end)
    if is_clear and not (has_parameters and _may_be_misread(value)):
        lines = raw[original.start : original.end]
        if _HAS_BLANK_LINE.search(lines):
            lines = _BLANK_LINE.sub(b"", lines)
        return lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    if has_parameters:
        return write_parameters(name, value, _without_specials(readable_parameters(value)))
    if original.name in ADDRESS_FIELDS:
        return written(name, written_addresses(value))
    text = decoded(value, keeps_unread=True)
    return written(name, encoded(text, first_line=len(name) + 2))


def is_well_formed(raw: bytes, part: Part) -> bool:
    """Return whether a part's header has neither lines of blanks nor torn quotes."""
    if part.is_torn or _HAS_BLANK_LINE.search(raw, max(part.start - 1, 0), part.body):
        return False
    return not any(_may_be_misread(one.value) for one in part.fields if one.name in WITH_PARAMETERS)


def _may_be_misread(value: bytes) -> bool:
    """Return whether programs differ in how they read the parameters."""
    return is_torn(value) or b"boundary*" in value.lower()


def write_parameters(name: str, value: bytes, given: dict[str, str]) -> bytes:
    """Write a field such as `Content-Type` with the given parameters instead of its own."""
    kind = _NO_TOKEN.sub("", value.partition(b";")[0].decode("latin-1"))
    return written(name, with_parameters(kind, given))


@dataclass(slots=True)
class MailChanges:
    """The changes to a mail: collected here, then applied by `content` or `whole_mail`.

    `bodies` replaces the bodies of parts, `slices` anything else. `write_field` writes the fields
    that `headers` doesn't replace, in each header that is changed.
    """

    raw: bytes
    root: Part
    write_field: FieldWriter = write_field
    headers: dict[Part, HeaderChange] = field(default_factory=dict)
    bodies: dict[Part, tuple[Octets, ...]] = field(default_factory=dict)
    slices: list[Slice] = field(default_factory=list)

    def change_header(
        self, part: Part, *, content_type: str | None = None, encoding: str | None = None
    ) -> None:
        """Change a part's type or encoding. With neither, its fields are only written again."""
        before = self.headers.get(part, HeaderChange())
        self.headers[part] = HeaderChange(
            content_type if content_type is not None else before.content_type,
            encoding if encoding is not None else before.encoding,
        )

    def whole_mail(self) -> bytes:
        """Write the changed mail, with its whole top header."""
        header = self._header(self.root.fields, self.headers.get(self.root, HeaderChange()))
        return b"".join([header, b"\r\n", *self.content(sanitize=False)])

    def content_header(self) -> bytes:
        """Write the fields of the top header that describe the content, each once."""
        first = {one.name: one for one in reversed(self.root.fields) if one.name in CONTENT_FIELDS}
        kept = [first[name] for name in CONTENT_FIELDS if name in first]
        return self._header(kept, self.headers.get(self.root, HeaderChange()))

    def content(self, *, sanitize: bool) -> Iterator[Octets]:
        """Write the changed body of the mail. `sanitize`: make copied octets clean, too."""
        view = memoryview(self.raw)
        at = self.root.body
        for one in sorted(self._all_slices(), key=lambda one: one.start):
            yield from _copied(view[at : one.start], sanitize=sanitize)
            yield from one.pieces
            at = one.end
        yield from _copied(view[at : self.root.end], sanitize=sanitize)

    def _all_slices(self) -> Iterator[Slice]:
        """Return all changes. Those that start at the same offset are in the order to apply."""
        for part, change in self.headers.items():
            if part is not self.root:
                header = self._header(part.fields, change) + b"\r\n"
                yield Slice(part.start, part.body, (header,))
        for part, pieces in self.bodies.items():
            yield Slice(part.body, part.end, pieces)
        yield from self.slices

    def _header(self, fields: Iterable[Field], change: HeaderChange) -> bytes:
        replaced = {
            "content-type": change.content_type,
            "content-transfer-encoding": change.encoding,
        }
        lines = [
            self.write_field(self.raw, one) for one in fields if replaced.get(one.name) is None
        ]
        lines += [written(name.title(), value) for name, value in replaced.items() if value]
        return b"".join(lines)


def _copied(view: memoryview, *, sanitize: bool) -> Iterator[Octets]:
    if not sanitize:
        yield view
        return
    at = 0
    while at < len(view):
        block = bytes(view[at : at + _BLOCK])
        last_line = block.rfind(b"\n") + 1
        if at + len(block) < len(view) and last_line:
            block = block[:last_line]
        yield sanitized(block)
        at += len(block)


def readable(given: dict[str, str]) -> dict[str, str]:
    """Decode parameters with raw 8-bit text or encoded words, neither of which is allowed."""
    return _without_specials({key: decoded(given[key].encode("latin-1")) for key in given})


def _without_specials(given: dict[str, str]) -> dict[str, str]:
    return {_NO_TOKEN.sub("", key): given[key] for key in given}


def type_with_charset(part: Part, label: str) -> str:
    """Write a text's `Content-Type` value with another charset and its other parameters."""
    kind = "text/plain" if part.main_type in ("multipart", "message") else part.content_type
    given = part.parameters("content-type")
    dropped = ("boundary", "charset")
    kept = {key: given[key] for key in given if key.partition("*")[0] not in dropped}
    charset = {"charset": label} if label else {}
    return with_parameters(kind, charset | readable(kept))
