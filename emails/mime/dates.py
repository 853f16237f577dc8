"""Reads dates as mail programs write them: also with `PM`, with a zone's name, or with two signs.

RFC 5322, 3.3 and 4.3. Python's reader drops what it doesn't know, and is hours off then.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

_MAX_DATE = 200
_COMMENT = re.compile(r"\(([^()]*)\)?")
_TIME = re.compile(
    r"(?P<hour>[0-9]{1,2})[:.](?P<rest>[0-9]{2}(?:[:.][0-9]{2})?)(?:[.,][0-9]{1,9})?"
    r"(?:\s{0,3}(?P<half>[AaPp])\.?[Mm]\b\.?)?"
)
_ZONE = re.compile(
    r"\s*(?P<name>[A-Za-z]{1,5})?\s{0,3}"
    r"(?:(?P<signs>[+-]{1,2})(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?(?![0-9]))?"
)
_STANDARD = re.compile(r"\s+(?:[+-][0-9]{4}|UT|GMT|[ECMP][SD]T|Z)\s*")
_YEAR_BEHIND = re.compile(r"\s+(?P<year>(?:19|20)[0-9]{2})\b")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
_MAX_OFFSET = timedelta(hours=14)

# Minutes east of Greenwich. Letters and names of several zones say nothing: RFC 5322, 4.3.
_ZONES = {
    "UT": 0,
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "WET": 0,
    "BST": 60,
    "WEST": 60,
    "CET": 60,
    "MET": 60,
    "MEZ": 60,
    "WAT": 60,
    "CEST": 120,
    "MEST": 120,
    "MESZ": 120,
    "EET": 120,
    "SAST": 120,
    "CAT": 120,
    "EEST": 180,
    "MSK": 180,
    "EAT": 180,
    "MSD": 240,
    "PKT": 300,
    "NPT": 345,
    "ICT": 420,
    "WIB": 420,
    "HKT": 480,
    "SGT": 480,
    "PHT": 480,
    "AWST": 480,
    "JST": 540,
    "KST": 540,
    "ACST": 570,
    "AEST": 600,
    "ACDT": 630,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
    "NST": -210,
    "NDT": -150,
    "AST": -240,
    "ADT": -180,
    "BRT": -180,
    "ART": -180,
    "CLT": -240,
    "COT": -300,
    "PET": -300,
    "EST": -300,
    "EDT": -240,
    "CST": -360,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
    "AKST": -540,
    "AKDT": -480,
    "HST": -600,
}


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A date. `is_standard`: its hour and zone are written as RFC 5322 has them."""

    date: datetime
    is_standard: bool


def read_date(value: str) -> ReadDate | None:
    """Read a date. None: it isn't one. Without a zone that we know, it is taken for UTC."""
    text = value[:_MAX_DATE].strip()
    try:
        if _ISO.match(text):
            found = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-"))
            return ReadDate(found if found.tzinfo else found.replace(tzinfo=UTC), False)
        return _of_mail(text)
    except (ValueError, OverflowError):
        return None


def _of_mail(text: str) -> ReadDate | None:
    comments = _COMMENT.findall(text)
    plain = _COMMENT.sub(" ", text)
    time = _TIME.search(plain)
    if time is None:
        return None
    rest = plain[time.end() :]
    is_standard = _STANDARD.fullmatch(rest) is not None and not time["half"]
    day = plain[: time.start()]
    if year := _YEAR_BEHIND.match(rest):  # as `asctime` has it
        day, rest = f"{day} {year['year']} ", rest[year.end() :]
    offset = _offset(rest)
    if offset is None and not rest.strip() and comments:
        offset = _offset(f" {comments[-1]}")
    hour = _hour(int(time["hour"]), (time["half"] or "").upper())
    parts = parsedate_tz(f"{day}{hour:02}:{time['rest'].replace('.', ':')} +0000")
    if parts is None:
        return None
    zone = UTC if offset is None else timezone(offset)
    # A leap second, 60, is none of Python's.
    date = datetime(*parts[:5], min(parts[5], 59), tzinfo=zone)
    return ReadDate(date, is_standard and offset is not None)


def _hour(hour: int, half: str) -> int:
    """Return the hour of the day. What is over 12 has 24 hours already, whatever follows it."""
    if not half or hour > 12:
        return hour
    return hour % 12 + (12 if half == "P" else 0)


def _offset(rest: str) -> timedelta | None:
    """Return the offset that a zone has. None: we don't know it."""
    found = _ZONE.match(rest)
    if found is None:
        return None
    name = (found["name"] or "").upper()
    if found["signs"]:
        # `+-0500` comes from programs that write a plus before a negative number.
        minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
        offset = timedelta(minutes=-minutes if "-" in found["signs"] else minutes)
        return offset if abs(offset) <= _MAX_OFFSET and _ZONES.get(name, 0) == 0 else None
    return timedelta(minutes=_ZONES[name]) if name in _ZONES else None
