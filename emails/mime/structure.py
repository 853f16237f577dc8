"""Finds the parts of a mail: offsets into its bytes, in one pass.

Why not `email.parser`: it copies the mail several times as text (40 MB become 300), reads it line
by line in Python, recurses into nested parts, and writes back only what it understood. This module
copies nothing and doesn't recurse. Rewriting replaces a few slices (`assemble.py`), so whatever we
don't understand stays as it is.

It recognises the same headers, boundaries and parts as `email.parser`, which reads broken mail like
most other programs; tests compare the two. It differs in two cases. `Subject :`, with a blank
before the colon, is a header, because RFC 5322 (4.5) requires readers to accept it. Over-long field
names (damage only) are ignored, and so dropped on rewriting.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from emails.mime.header_block import Field, HeaderBlock, lines_of, read_header, unfolded
from emails.mime.parameters import MAX_NAME, joined, parameters
from emails.mime.raw_texts import says_something, with_utf8

MAX_PARTS = 20_000
"""Parts after these stay inside the last one. Real mails don't have as many."""

_DELIMITER = re.compile(rb"--(?<=[\r\n]--)([^\r\n]*+)")  # begins with a literal, to be fast
_NOT_IN_A_LABEL = re.compile(r"[\s;(].*", re.DOTALL)
_NESTING = frozenset({"message/rfc822", "message/global", "message/news"})
_OPAQUE = frozenset({"base64", "quoted-printable"})


@dataclass(frozen=True, slots=True)
class Delimiter:
    """A boundary line: its offsets, without the line end. `is_last`: it closes the multipart.

    `is_cut`: the mail was cut right behind it, so that it doesn't say so itself.
    """

    start: int
    end: int
    is_last: bool
    is_cut: bool = False


@dataclass(slots=True, eq=False)
class Part:
    """One part, or the whole mail: `[start, body)` is its header, `[body, end)` the rest.

    `content_type` is the effective type: `text/plain` if none or an invalid one is declared.
    `encoding` is the declared transfer encoding, in lower case. A multipart whose boundary never
    occurs has no `children`. `is_mail`: it is the mail itself, or an attached one. `is_closed`: the
    closing boundary is there. `is_torn`: its header has lines that are none.
    `is_cut`, on the whole mail only: it has more parts than `MAX_PARTS`.
    """

    start: int
    body: int
    end: int
    fields: tuple[Field, ...]
    content_type: str
    encoding: str
    has_blank_line: bool
    is_torn: bool
    boundary: bytes | None = None
    is_mail: bool = False
    is_closed: bool = False
    is_cut: bool = False
    children: list["Part"] = field(default_factory=list)
    delimiters: list[Delimiter] = field(default_factory=list)
    _named: dict[str, list[Field]] = field(init=False, repr=False)
    _parameters: dict[str, dict[str, str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.replace_fields(self.fields)

    def replace_fields(self, fields: Iterable[Field]) -> None:
        """Replace the fields. They are looked up by name dozens of times, so there is an index."""
        self.fields = tuple(fields)
        self._parameters = {}
        self._named = {}
        for one in self.fields:
            self._named.setdefault(one.name, []).append(one)

    @property
    def main_type(self) -> str:
        """The type before the slash: `text`, `multipart`, `message`, …"""
        return self.content_type.partition("/")[0]

    @property
    def is_encoded_mail(self) -> bool:
        """Whether it is an attached mail that is encoded, so that its parts aren't visible."""
        return self.content_type in _NESTING and self.encoding in _OPAQUE

    @property
    def is_leaf(self) -> bool:
        """Whether it was not split into further parts."""
        return not self.children

    def first(self, name: str) -> Field | None:
        """Return the first field called `name` (lower case), which is the one that counts."""
        named = self._named.get(name)
        return named[0] if named else None

    def values(self, name: str) -> list[bytes]:
        """Return the values of all fields called `name` (lower case), unfolded, topmost first."""
        return [unfolded(one.value) for one in self._named.get(name, ())]

    @property
    def charset(self) -> str:
        """The declared charset, without what some programs write behind it; empty: none."""
        return _NOT_IN_A_LABEL.sub("", joined(self.parameters("content-type"), "charset").strip())

    def parameters(self, name: str) -> Mapping[str, str]:
        """Parse the parameters of a field such as `content-type`; keys in lower case."""
        if (known := self._parameters.get(name)) is None:
            one = self.first(name)
            known = parameters(unfolded(one.value)) if one and b";" in one.value else {}
            self._parameters[name] = known
        return known


def walk(root: Part) -> Iterator[Part]:
    """Yield a part and all parts within it, in their order in the mail."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(reversed(part.children))


def split(raw: bytes) -> Part:
    """Find the parts of a mail. Accepts any bytes, in linear time and memory."""
    return _Splitter(raw).split()


class _Splitter:
    """One pass over the bytes. `path` is the chain of parts that are open now, outermost first."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.lines = lines_of(raw)
        self.path: list[Part] = []
        self.depths: dict[bytes, list[int]] = {}  # boundary → indexes in `path` of its open parts
        self.count = 0
        self.has_raw_text = False

    def split(self) -> Part:
        root = self._begin(0, "text/plain")
        root.is_mail = True
        # Most mails without a multipart are one large text.
        for match in _DELIMITER.finditer(self.raw, root.body) if self.depths else ():
            if (found := self._delimited_by(match[1])) is not None:
                self._delimit(match, *found)
        self._close_below(-1, len(self.raw))
        if self.has_raw_text:
            _read_raw_texts(root)
        return root

    def _is_delimiter(self, line: bytes) -> bool:
        return self._delimited_by(line[2:]) is not None

    def _delimited_by(self, line: bytes) -> tuple[int, bool] | None:
        """Return the depth of the multipart that the line delimits, and whether it closes it."""
        line = line.rstrip(b" \t")
        continued = self.depths.get(line)
        closed = self.depths.get(line[:-2]) if line.endswith(b"--") else None
        if continued and not (closed and closed[-1] > continued[-1]):
            return continued[-1], False
        return (closed[-1], True) if closed else None

    def _delimit(self, match: re.Match[bytes], depth: int, is_last: bool) -> None:
        at = match.start() - 1
        # The line end before a delimiter belongs to it (RFC 2046, 5.1.1).
        end = at - 1 if self.raw[at - 1 : at + 1] == b"\r\n" else at
        self._close_below(depth, end)
        parent = self.path[depth]
        is_cut = not is_last and bool(parent.children) and self._ends_at(match.end())
        is_last = is_last or is_cut
        if is_last:
            parent.is_closed = True
            self._forget_boundary(parent)
        elif self.count >= MAX_PARTS:
            self.path[0].is_cut = True
            return
        parent.delimiters.append(Delimiter(at + 1, match.end(), is_last, is_cut))
        if not is_last:
            digest = parent.content_type == "multipart/digest"
            line_end = self.lines.end.match(self.raw, match.end())
            start = line_end.end() if line_end else match.end()
            parent.children.append(self._begin(start, "message/rfc822" if digest else "text/plain"))

    def _ends_at(self, end: int) -> bool:
        """Return whether nothing but a line end follows."""
        return len(self.raw) - end <= 2 and not self.raw[end:].strip(b"\r\n")

    def _begin(self, start: int, default_type: str) -> Part:
        """Open a part that begins here and, if it is an attached mail, the mail inside."""
        first = part = self._open(start, default_type)
        while part.content_type in _NESTING and not part.is_encoded_mail and self.count < MAX_PARTS:
            inner = self._open(part.body, "text/plain")
            inner.is_mail = True
            part.children.append(inner)
            part = inner
        return first

    def _open(self, start: int, default_type: str) -> Part:
        header = read_header(self.raw, start, self.lines, self._is_delimiter)
        part = _made_of(header, start, len(self.raw), default_type)
        self.has_raw_text = self.has_raw_text or not self.raw[start : part.body].isascii()
        self.count += 1
        if part.boundary is not None:
            self.depths.setdefault(part.boundary, []).append(len(self.path))
        self.path.append(part)
        return part

    def _close_below(self, depth: int, end: int) -> None:
        for part in self.path[depth + 1 :]:
            part.end = max(end, part.body)
            if not part.is_closed:
                self._forget_boundary(part)
        del self.path[depth + 1 :]

    def _forget_boundary(self, part: Part) -> None:
        if part.boundary is not None:
            self.depths[part.boundary].pop()


def _made_of(block: HeaderBlock, start: int, end: int, default_type: str) -> Part:
    part = Part(
        start=start,
        body=block.body,
        end=end,
        fields=block.fields,
        content_type=default_type,
        encoding="",
        has_blank_line=block.has_blank_line,
        is_torn=block.is_torn,
    )
    if declared := part.first("content-type"):
        part.content_type = _type_of(unfolded(declared.value))
    if encoding := part.first("content-transfer-encoding"):
        part.encoding = _encoding_of(unfolded(encoding.value))
    if part.main_type == "multipart":
        boundary = joined(part.parameters("content-type"), "boundary")
        # Stripped as octets: as a string, it would lose the last octet of a UTF-8 `à`.
        part.boundary = boundary.encode("latin-1").rstrip() or None
    return part


def _read_raw_texts(root: Part) -> None:
    """Make raw 8-bit text in all headers UTF-8; its charset is that of the mail it stands in."""
    waiting: list[tuple[Part, Part]] = [(root, root)]
    members: list[tuple[Part, Part]] = []
    charsets: dict[Part, str] = {}
    while waiting:
        part, mail = waiting.pop()
        members.append((part, mail))
        if part.main_type in ("text", "multipart") and says_something(part.charset):
            charsets.setdefault(mail, part.charset)
        waiting.extend((one, one if one.is_mail else mail) for one in reversed(part.children))
    for part, mail in members:
        part.replace_fields(with_utf8(one, charsets.get(mail, "")) for one in part.fields)


def _type_of(value: bytes) -> str:
    """Read a content type. An invalid one counts as plain text (RFC 2045, 5.2).

    So does one with over-long names (RFC 6838, 4.2), some of which wouldn't fit into a line.
    """
    declared = b"".join(value.partition(b";")[0].split()).lower().decode("latin-1")
    main, slash, sub = declared.partition("/")
    is_type = slash and 0 < len(main) <= MAX_NAME and 0 < len(sub) <= MAX_NAME
    return declared if is_type and "/" not in sub else "text/plain"


def _encoding_of(value: bytes) -> str:
    """Read a transfer encoding, without stray characters as in `7bit;` or `"base64"`."""
    return value.partition(b";")[0].strip(b" \t\"'").lower().decode("latin-1")
