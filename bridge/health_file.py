"""The health file: when the bridge last made progress, and its totals.

It is replaced atomically, so that nobody reads half of it.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

_AHEAD_ALLOWED = timedelta(minutes=1)


class StaleHealthFile(Exception):
    """The file shows no recent progress; the text says what was found."""


def write(path: Path, now: datetime, fields: Mapping[str, object]) -> None:
    """Replace the file at `path`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps({"timestamp": now.isoformat(), **fields}))
    beside.replace(path)


def check(path: Path, now: datetime, max_age: timedelta) -> timedelta:
    """Return the file's age. Raises `StaleHealthFile` if it exceeds `max_age` or can't be read."""
    try:
        stamp = datetime.fromisoformat(json.loads(path.read_text())["timestamp"])
        age = now - stamp.astimezone(UTC)
    except OSError as error:
        raise StaleHealthFile(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StaleHealthFile(f"{path} is not a health file") from error
    if age > max_age:
        raise StaleHealthFile(f"{path} is {age.total_seconds():.0f} s old, allowed are {max_age}")
    if age < -_AHEAD_ALLOWED:
        raise StaleHealthFile(f"{path} is from the future: {stamp.isoformat()}")
    return age
