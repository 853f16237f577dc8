"""Reads fields of JSON that others wrote.

What is missing, null or of the wrong type is `Malformed`; with `default`, only the wrong type is.
"""

from datetime import UTC, datetime
from typing import Any


class Malformed(Exception):
    """A field is missing or has the wrong type."""


def as_object(value: object) -> dict[str, Any]:
    """Return the value, which must be an object."""
    if not isinstance(value, dict):
        raise Malformed
    return value


def object_at(
    holder: dict[str, Any], key: str, *, default: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the object at `key`."""
    return as_object(_value(holder, key, default))


def list_at(holder: dict[str, Any], key: str, *, default: list[Any] | None = None) -> list[Any]:
    """Return the list at `key`."""
    value = _value(holder, key, default)
    if not isinstance(value, list):
        raise Malformed
    return value


def texts_at(
    holder: dict[str, Any], key: str, *, default: list[Any] | None = None
) -> tuple[str, ...]:
    """Return the list of texts at `key`."""
    values = list_at(holder, key, default=default)
    if not all(isinstance(value, str) for value in values):
        raise Malformed
    return tuple(values)


def text_at(holder: dict[str, Any], key: str, *, default: str | None = None) -> str:
    """Return the text at `key`."""
    value = _value(holder, key, default)
    if not isinstance(value, str):
        raise Malformed
    return value


def time_at(holder: dict[str, Any], key: str) -> datetime | None:
    """Read a time in ISO 8601. An unreadable one is no reason to lose a mail."""
    value = holder.get(key)
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _value(holder: dict[str, Any], key: str, default: object) -> object:
    """Return the value, or the default if it is missing or null."""
    value = holder.get(key)
    return default if value is None else value
