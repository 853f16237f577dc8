"""Reads and writes the lines of a calendar that say who takes part (RFC 5545, 3.8.4).

A calendar answers the organizer of a meeting by itself, from its user's real address, and knows its
user among the attendees by that address. So in what we forward, the organizer has an address of
ours, the mask is the owner's address, and nobody else can be written to. In an answer it is the
other way round. All other lines stay as they are.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from emails.mime import author_label
from emails.mime.structure import Part
from emails.values.addresses import Mailbox

TYPES = frozenset({"application/ics", "text/calendar", "text/x-vcalendar"})
NOBODY = "invalid:nomail"
"""An address that no calendar writes to. Apple's calendars have it for people without one."""

PUBLISH = "PUBLISH"
_OF_ATTENDEES = frozenset({"REPLY", "COUNTER", "REFRESH"})
"""The methods of what an attendee sends to the organizer (RFC 5546, 1.4)."""

_LINE_ENDS = re.compile(r"(?<=\n)(?![ \t])|(?<=\r)(?![ \t\n])")
_FOLD = re.compile(r"(?:\r\n|\n|\r)[ \t]")
_PROPERTY = re.compile(r"(ATTENDEE|METHOD|ORGANIZER)(?=[;:])", re.IGNORECASE)
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=("[^"]*+"|[^";:]*+)')
_MAILTO = re.compile(r"mailto:", re.IGNORECASE)
_KEPT = frozenset({"CUTYPE", "PARTSTAT", "ROLE", "RSVP", "X-NUM-GUESTS", "X-RESPONSE-COMMENT"})
"""Parameters that say nothing about who somebody is."""

_PLAIN = re.compile(r"[^\s\"',:;]*")
_NO_ADDRESS = re.compile(r"[\s:<>\"]")
_IN_A_NAME = re.compile(r'[\x00-\x1f\x7f"]+')
_MAX_LINE = 73  # characters; RFC 5545 (3.1) advises at most 75 octets

Organizers = Callable[[str], str]
"""Returns the address of ours that stands for an organizer's. Empty: none can."""


@dataclass(frozen=True, slots=True)
class Property:
    """One line: its name in upper case, its parameters by upper-case name, and its value."""

    name: str
    parameters: dict[str, str]
    value: str

    @property
    def address(self) -> str:
        """The mail address in the value; empty if it holds none."""
        value = self.value.strip()
        scheme = _MAILTO.match(value)
        address = value[scheme.end() :].lstrip() if scheme else value
        return address if "@" in address and not _NO_ADDRESS.search(address) else ""

    @property
    def label(self) -> str:
        """The name and the address, for a name: so that nobody's looks like another's address."""
        name = _IN_A_NAME.sub(" ", self.parameters.get("CN", "")).encode().decode("latin-1")
        return author_label.label(Mailbox(name, self.address.encode().decode("latin-1")))

    def written(self, end: str, name: str, address: str) -> str:
        """Write the line for somebody else: the parameters that are kept, a name, an address."""
        kept = {key: text for key, text in self.parameters.items() if key in _KEPT}
        parameters = "".join(f";{key}={_quoted(text)}" for key, text in kept.items())
        common_name = f';CN="{_IN_A_NAME.sub(" ", name)}"' if name else ""
        value = address if address == NOBODY else f"mailto:{address}"
        return _folded(f"{self.name}{parameters}{common_name}:{value}", end)


def is_calendar(part: Part) -> bool:
    """Return whether a part is a calendar, also as a file."""
    return part.content_type in TYPES and part.is_leaf


def is_of_attendee(text: str) -> bool:
    """Return whether an attendee's program wrote this calendar, for the organizer."""
    return _method_of(text) in _OF_ATTENDEES


def answerable(text: str, organizers: Organizers, mask: str, owner: str) -> str:
    """Return the calendar so that its user can answer it through the mask.

    If no address can stand for the organizer's, it becomes one that nobody answers.
    """
    if is_of_attendee(text):
        return _changed(text, lambda line, end: _as_owner(line, end, mask, owner))
    is_answerable = True

    def for_owner(line: Property, end: str) -> str | None:
        nonlocal is_answerable
        if line.name == "METHOD":
            return None
        if own := _as_owner(line, end, mask, owner):
            return own
        stand_in = organizers(line.address) if line.name == "ORGANIZER" and line.address else ""
        if line.name == "ORGANIZER" and not stand_in:
            is_answerable = False
        return line.written(end, line.label, stand_in or NOBODY)

    changed = _changed(text, for_owner)
    return changed if is_answerable else _changed(changed, _published)


def answered(text: str, organizer: str, mask: str) -> str:
    """Return an owner's answer to an invitation as the mask's: it names nobody else."""
    is_reply = _method_of(text) == "REPLY"

    def from_mask(line: Property, end: str) -> str | None:
        if line.name == "ORGANIZER":
            return line.written(end, "", organizer)
        # A reply has one attendee: who writes it, whatever the calendar takes for their address.
        if line.name == "ATTENDEE" and (is_reply or _is_same(line.address, mask)):
            return line.written(end, mask, mask)
        return None

    return _changed(text, from_mask)


def is_published(text: str) -> bool:
    """Return whether the calendar asks for no answer."""
    return _method_of(text) == PUBLISH


def _published(line: Property, end: str) -> str | None:
    return f"METHOD:{PUBLISH}{end}" if line.name == "METHOD" else None


def _as_owner(line: Property, end: str, mask: str, owner: str) -> str | None:
    if line.name == "METHOD" or not _is_same(line.address, mask):
        return None
    return line.written(end, line.parameters.get("CN", ""), owner)


def _is_same(address: str, mask: str) -> bool:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" == mask.lower()


def _method_of(text: str) -> str:
    for line in _LINE_ENDS.split(text):
        if (read := _read(line)) and read.name == "METHOD":
            return read.value.strip().upper()
    return ""


def _changed(text: str, change: Callable[[Property, str], str | None]) -> str:
    """Replace the lines for which `change` returns others."""
    lines = []
    for line in _LINE_ENDS.split(text):
        read = _read(line)
        end = line[len(line.rstrip("\r\n")) :] or "\r\n"
        changed = change(read, end) if read else None
        lines.append(line if changed is None else changed)
    return "".join(lines)


def _read(line: str) -> Property | None:
    """Read a line, with those it continues on. None: it says nothing about people or the method."""
    unfolded = _FOLD.sub("", line).strip("\r\n\ufeff")
    found = _PROPERTY.match(unfolded)
    if found is None:
        return None
    at = found.end()
    parameters: dict[str, str] = {}
    while parameter := _PARAMETER.match(unfolded, at):
        parameters.setdefault(parameter[1].upper(), parameter[2].strip('"'))
        at = parameter.end()
    return Property(found[1].upper(), parameters, unfolded[at:].partition(":")[2])


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


def _folded(line: str, end: str) -> str:
    pieces = [line[at : at + _MAX_LINE] for at in range(0, len(line), _MAX_LINE)]
    return f"{end} ".join(pieces) + end
