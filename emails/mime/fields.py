"""Header fields: decoded leniently, and written strictly.

Reading accepts raw 8-bit text, malformed encoded words (RFC 2047), and parameters with wrong
quotes. Written fields are ASCII, folded, and without control characters, so no value can inject
another header.
"""

import re
from base64 import b64encode
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterator

from emails.mime import charsets

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_NEEDS_PERCENT = re.compile(rb"[^A-Za-z0-9._~-]", re.DOTALL)

MAX_VALUE = 4_000
"""Characters of a value that are kept: more than any mail program shows."""

_MAX_OCTETS = 4 * MAX_VALUE
"""Octets of a value that are decoded."""

MAX_NAME = 127
"""Characters in a type's or subtype's name (RFC 6838, 4.2). We limit fields and parameters, too."""

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t]+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_MAX_ESCAPED = 500
"""Escaped characters in a quoted value; the rest is not read. Real values have fewer."""
_PARAMETER = re.compile(
    rb";\s*+([^\s=;\"]++)\s*+=\s*+"
    rb"(?:\"([^\"\\]*+(?:\\.[^\"\\]*+){0,%d})\"?|([^;]*+))" % _MAX_ESCAPED,
    re.DOTALL,
)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_FOLDABLE = re.compile(r"[!-~]{1,400}+(?: {1,2}[!-~]{1,400}+)*")
_TOKEN = re.compile(r"[!#$&*+.^_`|{}~0-9A-Za-z-]{1,60}")
_EXTENDED = re.compile(r"[!#$&+.^_`|{}~0-9A-Za-z'%-]{1,400}")  # RFC 2231, 7: no quotes
_SECTION_NUMBER = re.compile(r"[0-9]{1,4}")
_WORD_OCTETS = 39
"""Octets in one encoded word, so that a line with a field name and one word fits 76 characters."""

_LINE = 76
_LONGEST_NAME = len("Content-Disposition: ")
_LONGEST_QUOTED = 400
_LONGEST_VALUE = 2 * MAX_NAME + len("/")
_NOT_WRITTEN = re.compile(r"[^\x20-\x7e\t]+")


def decoded(value: bytes) -> str:
    """Decode a value for display: in one line, without control characters."""
    text = _CONTROLS.sub(" ", _with_words_decoded(_raw_text(value[:_MAX_OCTETS])))
    return text.encode("utf-8", "replace").decode().strip()


def _raw_text(value: bytes) -> str:
    if value.isascii():
        label = "iso-2022-jp" if b"\x1b$" in value else ""
        return charsets.read(value, label).text
    return charsets.read(value, "utf-8").text


def _with_words_decoded(text: str) -> str:
    """Decode encoded words, joining adjacent ones first: a character may span two of them."""
    if "=?" not in text:
        return text
    # Blanks between two encoded words are not part of the text: RFC 2047, 6.2.
    text = _BETWEEN_WORDS.sub(r"\1", text)
    pieces: list[str] = []
    label, octets, at = "", b"", 0
    for word in _WORD.finditer(text):
        charset = word[1].partition("*")[0].lower()
        if word.start() > at or charset != label:
            pieces += [_read_word(octets, label), text[at : word.start()]]
            octets = b""
        label, at = charset, word.end()
        octets += _word_octets(word[2], word[3])
    return "".join([*pieces, _read_word(octets, label), text[at:]])


def _read_word(octets: bytes, label: str) -> str:
    return charsets.read(octets, label).text


def _word_octets(encoding: str, text: str) -> bytes:
    written = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(written, header=True)
    try:
        return a2b_base64(written + b"==")
    except Error:
        return b""


def encoded(text: str, *, first_line: int = 0) -> str:
    """Encode a text as a header's value, folded; as encoded words if necessary (RFC 2047).

    `first_line` is the number of characters already used in the first line.
    """
    if "=?" in text or not _FOLDABLE.fullmatch(text):
        return _as_words(text) if text else ""
    return _folded(text, first_line)


def _folded(text: str, first_line: int) -> str:
    """Fold at blanks and keep them, so that unfolding restores the text."""
    lines, line = [], ""
    room = _LINE - first_line
    for piece in re.findall(r" *[!-~]+", text):
        if line and len(line) + len(piece) > room:
            lines.append(line)
            line, room = "", _LINE
        line += piece
    return "\r\n".join([*lines, line])


def _as_words(text: str) -> str:
    octets = text.encode("utf-8", "replace")
    words, at = [], 0
    while at < len(octets):
        end = min(at + _WORD_OCTETS, len(octets))
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1  # a word must contain whole characters
        # Some mail programs show a blank between words, so split at one if possible.
        if end < len(octets) and (blank := octets.rfind(b" ", at, end)) > at:
            end = blank + 1
        words.append(f"=?utf-8?b?{b64encode(octets[at:end]).decode()}?=")
        at = end
    return "\r\n ".join(words)


def written(name: str, value: str) -> bytes:
    """Write a field whose value is already ASCII and folded. No value can end the field early.

    Characters that aren't allowed (a caller's mistake, or an invalid address) become blanks.
    """
    lines = [_NOT_WRITTEN.sub(" ", line) for line in value.split("\r\n")]
    folded = "".join(f"\r\n {line.removeprefix(' ')}" for line in lines[1:] if line.strip())
    return f"{name}: {lines[0]}{folded}\r\n".encode("ascii")


def parameters(value: bytes) -> dict[str, str]:
    """Parse the parameters after a value's first `;`; keys in lower case, octets as Latin-1.

    Of two with the same name, the first counts. An unclosed quote ends with the value.
    """
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(value):
        key, text = _parameter_in(match)
        found.setdefault(key, text)
    return found


def _parameter_in(match: re.Match[bytes]) -> tuple[str, str]:
    quoted, bare = match[2], match[3]
    octets = without_quoted_pairs(quoted) if quoted is not None else bare.strip()
    return match[1].decode("latin-1").lower(), octets.decode("latin-1")


def every_parameter(value: bytes) -> Iterator[tuple[str, str]]:
    """Yield all parameters, also those that stand there twice; decoded, but not joined."""
    for key, text in map(_parameter_in, _PARAMETER.finditer(value)):
        name, star, _ = key.partition("*")
        plain = _percent_decoded(text).decode("latin-1") if star else text
        yield name, plain if star else decoded(plain.encode("latin-1"))


def is_read_whole(value: bytes) -> bool:
    """Return whether the value is short enough for all of it to be read."""
    return len(value) <= _MAX_OCTETS and value.count(b"\\") <= _MAX_ESCAPED


def without_quoted_pairs(value: bytes) -> bytes:
    """Remove the backslashes before escaped characters: RFC 5322, 3.2.1."""
    return _QUOTED_PAIR.sub(rb"\1", value)


def has_rivals(value: bytes) -> bool:
    """Return whether a parameter is given twice, so that `readable_parameters` reads one only."""
    keys = [match[1].decode("latin-1").lower() for match in _PARAMETER.finditer(value)]
    sections = [_section(key) for key in keys]
    plain = {name for name, index in sections if index is None}
    split = {name for name, index in sections if index is not None}
    return len(set(sections)) < len(sections) or not plain.isdisjoint(split)


def readable_parameters(value: bytes) -> dict[str, str]:
    """Parse and decode parameters; those split into sections (RFC 2231) are joined."""
    found: dict[str, str] = {}
    sections: dict[str, dict[int, str]] = {}
    has_charset: set[str] = set()
    for key, text in parameters(value).items():
        name, index = _section(key)
        if index is None:
            found[name] = decoded(text.encode("latin-1"))
        else:
            sections.setdefault(name, {})[index] = text
            if key.endswith("*"):
                has_charset.add(name)
    for name, texts in sections.items():
        label, octets = "", "".join(texts[index] for index in sorted(texts))
        if name in has_charset:
            charset, _, octets = octets.rpartition("'")
            label = charset.partition("'")[0]
        found[name] = charsets.read(_percent_decoded(octets), label or "utf-8").text
    return found


def _section(key: str) -> tuple[str, int | None]:
    """Split `name*1*` into its name and the section's number; None: not written as in RFC 2231."""
    name, star, number = key.partition("*")
    number = number.partition("*")[0]
    return name, (int(number) if _SECTION_NUMBER.fullmatch(number) else 0) if star else None


def with_parameters(value: str, given: dict[str, str]) -> str:
    """Write a value with parameters, folded; non-ASCII ones as in RFC 2231.

    An over-long value (damage only) is cut; parameters with over-long names are dropped.
    """
    lines = [value[:_LONGEST_VALUE]]
    for key in (key for key in given if len(key) <= MAX_NAME):
        parameter = _parameter(key, given[key])
        if len(lines[-1]) + len(parameter) < _LINE - _LONGEST_NAME:
            lines[-1] += f"; {parameter}"
        else:
            lines.append(parameter)
    return ";\r\n ".join(lines)


def _percent_decoded(text: str) -> bytes:
    return _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())


def percent_encoded(text: str) -> str:
    """Encode all characters but letters, digits and `._~-` (RFC 3986, 2.3)."""
    octets = text.encode("utf-8", "replace")
    return _NEEDS_PERCENT.sub(lambda found: b"%%%02X" % ord(found[0]), octets).decode()


def _parameter(key: str, value: str) -> str:
    if _TOKEN.fullmatch(value) or (key.endswith("*") and _EXTENDED.fullmatch(value)):
        return f"{key}={value}"
    if value.isascii() and value.isprintable() and len(value) <= _LONGEST_QUOTED:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{key}="{escaped}"'
    octets = percent_encoded(value[:MAX_VALUE])
    pieces = [octets[at : at + 60] for at in range(0, len(octets), 60)]
    if len(pieces) == 1:
        return f"{key}*=utf-8''{octets}"
    lines = [f"{key}*0*=utf-8''{pieces[0]}"]
    lines += [f"{key}*{number}*={piece}" for number, piece in enumerate(pieces[1:], 1)]
    return ";\r\n ".join(lines)
