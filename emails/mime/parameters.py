"""The parameters of fields such as `Content-Type`: read leniently, and written strictly.

They may be split into sections and have a charset (RFC 2231), be encoded words, which no standard
allows, or have torn quotes. Written ones are ASCII, and folded.
"""

import re
from collections.abc import Iterator, Mapping

from emails.mime import charsets
from emails.mime.fields import (
    LINE,
    MAX_OCTETS,
    MAX_VALUE,
    decoded,
    percent_encoded,
    without_quoted_pairs,
)

MAX_NAME = 127
"""Characters in a type's or subtype's name (RFC 6838, 4.2). We limit fields and parameters, too."""

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_MAX_ESCAPED = 500
"""Escaped characters in a quoted value; the rest is not read. Real values have fewer."""
_PARAMETER = re.compile(
    rb";\s*+([^\s=;\"]++)\s*+=\s*+"
    rb"(?:\"([^\"\\]*+(?:\\.[^\"\\]*+){0,%d})\"?|([^;]*+))" % _MAX_ESCAPED,
    re.DOTALL,
)
_QUOTED = re.compile(
    rb"\"[^\"\\]*+(?:\\.[^\"\\]*+){0,%d}\"(?=[ \t\r\n]*(?:;|\Z))" % _MAX_ESCAPED, re.DOTALL
)
_BLANKS = b" \t\r\n\f\v"
_TOKEN = re.compile(r"[!#$&*+.^_`|{}~0-9A-Za-z-]{1,60}")
_EXTENDED = re.compile(r"[!#$&+.^_`|{}~0-9A-Za-z'%-]{1,400}")  # RFC 2231, 7: no quotes
_SECTION_NUMBER = re.compile(r"[0-9]{1,4}")
_LONGEST_NAME = len("Content-Disposition: ")
_LONGEST_QUOTED = 400
_LONGEST_VALUE = 2 * MAX_NAME + len("/")


def parameters(value: bytes) -> dict[str, str]:
    """Parse the parameters after a value's first `;`; keys in lower case, octets as Latin-1.

    Of two with the same name, the first counts. An unclosed quote ends with the value, and one
    that was never opened is left out.
    """
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(value):
        key, text = _parameter_in(match)
        found.setdefault(key, text)
    return found


def _parameter_in(match: re.Match[bytes]) -> tuple[str, str]:
    quoted, bare = match[2], match[3]
    if quoted is not None:
        octets = without_quoted_pairs(quoted)
    else:
        octets = bare.strip(_BLANKS).rstrip(b'"')
    return match[1].decode("latin-1").lower(), octets.decode("latin-1")


def is_torn(value: bytes) -> bool:
    """Return whether a quote isn't closed, or was never opened. Programs read that differently.

    A value with more escaped characters than we read counts as torn: it is written anew.
    """
    if b'"' not in value:
        return False
    return value.count(b"\\") > _MAX_ESCAPED or b'"' in _QUOTED.sub(b"", value)


def joined(given: Mapping[str, str], name: str) -> str:
    """Return a parameter as octets in Latin-1, its sections joined; empty if it isn't there."""
    plain = given.get(name)
    if plain is None and any(key.startswith(f"{name}*") for key in given):
        return _joined(_sections(given).get(name, {}))[1].decode("latin-1")
    return plain or ""


def every_parameter(value: bytes) -> Iterator[tuple[str, str]]:
    """Yield all parameters, also those that stand there twice; decoded, but not joined."""
    for key, text in map(_parameter_in, _PARAMETER.finditer(value)):
        name, star, _ = key.partition("*")
        plain = _percent_decoded(text).decode("latin-1") if star else text
        yield name, plain if star else decoded(plain.encode("latin-1"))


def is_read_whole(value: bytes) -> bool:
    """Return whether the value is short enough for all of it to be read."""
    return len(value) <= MAX_OCTETS and value.count(b"\\") <= _MAX_ESCAPED


def has_rivals(value: bytes) -> bool:
    """Return whether a parameter is given twice, so that `readable_parameters` reads one only."""
    keys = [match[1].decode("latin-1").lower() for match in _PARAMETER.finditer(value)]
    sections = [_section(key) for key in keys]
    plain = {name for name, index in sections if index is None}
    split = {name for name, index in sections if index is not None}
    return len(set(sections)) < len(sections) or not plain.isdisjoint(split)


def readable_parameters(value: bytes) -> dict[str, str]:
    """Parse and decode parameters; those split into sections (RFC 2231) are joined."""
    given = parameters(value)
    found = {key: decoded(text.encode("latin-1")) for key, text in given.items() if "*" not in key}
    for name, sections in _sections(given).items():
        label, octets = _joined(sections)
        found[name] = charsets.shown(octets, label or "utf-8")
    return found


_Sections = dict[int, tuple[str, bool]]
"""By number: the text, and whether it is percent-encoded."""


def _sections(given: Mapping[str, str]) -> dict[str, _Sections]:
    found: dict[str, _Sections] = {}
    for key, text in given.items():
        name, index = _section(key)
        if index is not None:
            found.setdefault(name, {})[index] = text, key.endswith("*")
    return found


def _joined(sections: _Sections) -> tuple[str, bytes]:
    """Return the charset, and the octets of the sections. The first one names the charset."""
    label, pieces = "", []
    for number, index in enumerate(sorted(sections)):
        text, is_encoded = sections[index]
        if is_encoded and number == 0 and "'" in text:
            label, _, text = text.partition("'")
            text = text.partition("'")[2] if "'" in text else text
        pieces.append(_percent_decoded(text) if is_encoded else text.encode("latin-1"))
    return label, b"".join(pieces)


def _section(key: str) -> tuple[str, int | None]:
    """Split `name*1*` into its name and the section's number; None: not written as in RFC 2231."""
    name, star, number = key.partition("*")
    number = number.partition("*")[0]
    return name, (int(number) if _SECTION_NUMBER.fullmatch(number) else 0) if star else None


def _percent_decoded(text: str) -> bytes:
    octets = text.encode("latin-1", "replace")
    return _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), octets)


def with_parameters(value: str, given: dict[str, str]) -> str:
    """Write a value with parameters, folded; non-ASCII ones as in RFC 2231.

    An over-long value (damage only) is cut; parameters with over-long names are dropped.
    """
    lines = [value[:_LONGEST_VALUE]]
    for key in (key for key in given if len(key) <= MAX_NAME):
        parameter = _parameter(key, given[key])
        if len(lines[-1]) + len(parameter) < LINE - _LONGEST_NAME:
            lines[-1] += f"; {parameter}"
        else:
            lines.append(parameter)
    return ";\r\n ".join(lines)


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
