"""Puts a mail together from the bytes it came as, and the few parts that were changed.

A change replaces a slice; all between is taken over as it stands. So whatever was not understood
is still there, and a large attachment is copied once.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from emails.mime.encoding import is_clean, tidied
from emails.mime.fields import decoded, encoded, parameters, with_parameters, written
from emails.mime.structure import Field, Part, unfolded

Octets: TypeAlias = bytes | memoryview

_CONTENT = (
    *("content-type", "content-transfer-encoding", "content-disposition", "content-id"),
    *("content-description", "content-language", "content-location", "content-base"),
)
WITH_PARAMETERS = frozenset({"content-type", "content-disposition"})
_BLOCK = 1 << 20
_NO_TOKEN = re.compile(r"[^!-~]+|[\"(),:<>@\[\\\]]+")


@dataclass(frozen=True, slots=True)
class Head:
    """What a part's header says from now on of its type and encoding; None: what it said before.

    The type's value is written already: ASCII, and folded.
    """

    content_type: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """What takes the place of `raw[start:end]`."""

    start: int
    end: int
    pieces: tuple[Octets, ...]


FieldWriter: TypeAlias = Callable[[bytes, Field], bytes]
"""Writes a field of a part's header; gives nothing for one that is left out."""


def write_field(raw: bytes, one: Field) -> bytes:
    """Take a field over as it is, or write it anew if it isn't clean."""
    if is_clean(raw, one.start, one.end):
        lines = raw[one.start : one.end]
        return lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    value, name = unfolded(one.value), one.name.title()
    if one.name in WITH_PARAMETERS:
        return write_parameters(name, value, readable(parameters(value)))
    return written(name, encoded(decoded(value), first_line=len(name) + 2))


def write_parameters(name: str, value: bytes, given: dict[str, str]) -> bytes:
    """Write a field such as `Content-Type` with other parameters than it had."""
    kind = _NO_TOKEN.sub("", value.partition(b";")[0].decode("latin-1"))
    return written(name, with_parameters(kind, given))


@dataclass(slots=True)
class Changes:
    """The changes to a mail's parts, as they are collected."""

    raw: bytes
    root: Part
    write_field: FieldWriter = write_field
    heads: dict[Part, Head] = field(default_factory=dict)
    bodies: dict[Part, tuple[Octets, ...]] = field(default_factory=dict)
    slices: list[Slice] = field(default_factory=list)

    def head(
        self, part: Part, *, content_type: str | None = None, encoding: str | None = None
    ) -> None:
        """Change what the part's header says; or, without any of it, have the header cleaned."""
        before = self.heads.get(part, Head())
        self.heads[part] = Head(
            content_type if content_type is not None else before.content_type,
            encoding if encoding is not None else before.encoding,
        )

    def whole(self) -> bytes:
        """Write the mail with all changes, and with all of its header."""
        header = self._header(self.root.fields, self.heads.get(self.root, Head()))
        return b"".join([header, b"\r\n", *self.content(tidy=False)])

    def content_header(self) -> bytes:
        """Write what describes the content of the mail as a whole: each field once."""
        first = {one.name: one for one in reversed(self.root.fields) if one.name in _CONTENT}
        kept = [first[name] for name in _CONTENT if name in first]
        return self._header(kept, self.heads.get(self.root, Head()))

    def content(self, *, tidy: bool) -> Iterator[Octets]:
        """Give the mail's body with all changes. `tidy`: make what is taken over clean as well."""
        view = memoryview(self.raw)
        at = self.root.body
        for one in sorted(self._all_slices(), key=lambda one: one.start):
            yield from _taken_over(view[at : one.start], tidy=tidy)
            yield from one.pieces
            at = one.end
        yield from _taken_over(view[at : self.root.end], tidy=tidy)

    def _all_slices(self) -> Iterator[Slice]:
        """Give them so that those which begin at the same place are in their order."""
        for part, head in self.heads.items():
            if part is not self.root:
                header = self._header(part.fields, head) + b"\r\n"
                yield Slice(part.start, part.body, (header,))
        for part, pieces in self.bodies.items():
            yield Slice(part.body, part.end, pieces)
        yield from self.slices

    def _header(self, fields: Iterable[Field], head: Head) -> bytes:
        replaced = {
            "content-type": head.content_type,
            "content-transfer-encoding": head.encoding,
        }
        lines = [
            self.write_field(self.raw, one) for one in fields if replaced.get(one.name) is None
        ]
        lines += [written(name.title(), value) for name, value in replaced.items() if value]
        return b"".join(lines)


def _taken_over(view: memoryview, *, tidy: bool) -> Iterator[Octets]:
    if not tidy:
        yield view
        return
    at = 0
    while at < len(view):
        block = bytes(view[at : at + _BLOCK])
        last_line = block.rfind(b"\n") + 1
        if at + len(block) < len(view) and last_line:
            block = block[:last_line]
        yield tidied(block)
        at += len(block)


def readable(given: dict[str, str]) -> dict[str, str]:
    """Decode parameters that hold raw 8-bit text, or encoded words, which don't belong there."""
    return {
        _NO_TOKEN.sub("", key): decoded(value.encode("latin-1")) for key, value in given.items()
    }


def charset_changed(part: Part, label: str) -> str:
    """Write a text's type with another charset, and with its other parameters."""
    kind = "text/plain" if part.main_type in ("multipart", "message") else part.content_type
    given = part.parameters("content-type")
    kept = {key: given[key] for key in given if key not in ("boundary", "charset", "charset*")}
    return with_parameters(kind, {"charset": label, **readable(kept)})
