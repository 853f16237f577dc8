"""The kinds of values that settings have: how each is read from text, and what is allowed."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How a setting's text is parsed. `parse` raises ValueError for a value not `allowed`."""

    parse: Callable[[str], T]
    allowed: str
    is_secret: bool = False


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def text(allowed: str = "a text", *, is_secret: bool = False) -> Kind[str]:
    """Any text except the empty one."""

    def parse(value: str) -> str:
        _require(bool(value))
        return value

    return Kind(parse, allowed, is_secret)


def matching(pattern: str, allowed: str, *, is_secret: bool = False) -> Kind[str]:
    """A text that a regular expression matches as a whole."""

    def parse(value: str) -> str:
        _require(re.fullmatch(pattern, value) is not None)
        return value

    return Kind(parse, allowed, is_secret)


def integer(low: int, high: int, unit: str = "") -> Kind[int]:
    """A whole number from `low` to `high`, both included."""

    def parse(value: str) -> int:
        number = int(value)
        _require(low <= number <= high)
        return number

    return Kind(parse, f"a whole number from {low} to {high}" + (f" ({unit})" if unit else ""))


def rounded_up(low: int, high: int, unit: str = "") -> Kind[int]:
    """A number from `low` to `high`, both included; a fraction is rounded up."""

    def parse(value: str) -> int:
        number = float(value)
        _require(low <= number <= high)
        return math.ceil(number)

    return Kind(parse, f"a number from {low} to {high} ({unit}); a fraction is rounded up")


def boolean() -> Kind[bool]:
    """`true` or `false`, in the spellings operators use."""
    words = {"true": True, "1": True, "yes": True, "on": True}
    words |= {"false": False, "0": False, "no": False, "off": False, "": False}

    def parse(value: str) -> bool:
        _require(value.lower() in words)
        return words[value.lower()]

    return Kind(parse, "true or false")


def choice(*choices: str) -> Kind[str]:
    """One of a few words."""

    def parse(value: str) -> str:
        _require(value in choices)
        return value

    return Kind(parse, "one of " + ", ".join(choices))


def url(
    *schemes: str,
    allowed: str,
    is_secret: bool = False,
    read: Callable[[str], object] | None = None,
) -> Kind[str]:
    """A URL with a host, in one of the schemes; its port, if any, must be a number.

    `read` is the library's own reader of the URL, if there is one. What it rejects with ValueError
    is rejected here, without its error text: that text quotes what it took for the port, which may
    be part of the password.
    """

    def parse(value: str) -> str:
        parts = urlsplit(value)
        _require(parts.scheme in schemes and bool(parts.netloc))
        _require(not is_secret or _has_whole_netloc(parts))
        if read is not None:
            read(value)
        else:
            _ = parts.port
        return value

    return Kind(parse, allowed, is_secret)


def origin(*, allowed: str) -> Kind[str]:
    """The scheme and the host of a site, and a port perhaps."""

    def parse(value: str) -> str:
        parts = urlsplit(value)
        _require(parts.scheme in ("http", "https") and bool(parts.hostname))
        _ = parts.port
        rest = (parts.path.rstrip("/"), parts.query, parts.fragment, parts.username)
        _require(not any(rest))
        return value

    return Kind(parse, allowed)


def _has_whole_netloc(parts: SplitResult) -> bool:
    """Return whether user and password end where the reader thinks.

    A `/`, `?` or `#` in a password, not percent-encoded, ends the host there: what is left of the
    password would be taken for a host or a port, and printed in errors.
    """
    is_cut = "@" in f"{parts.path}{parts.query}" or bool(parts.fragment)
    return not is_cut and (bool(parts.hostname) or "@" in parts.netloc)


def comma_separated(item: Kind[T]) -> Kind[tuple[T, ...]]:
    """One or more values, separated by commas."""

    def parse(value: str) -> tuple[T, ...]:
        return tuple(item.parse(part.strip()) for part in value.split(","))

    return Kind(parse, f"{item.allowed}, or several of them separated by commas", item.is_secret)


def optional(item: Kind[T], none: str = "") -> Kind[T | None]:
    """The empty text, or another that stands for none, or a value."""
    words = f"empty, {none}, or" if none else "empty, or"

    def parse(value: str) -> T | None:
        return item.parse(value) if value not in ("", none) else None

    return Kind(parse, f"{words} {item.allowed}", item.is_secret)


def folder() -> Kind[Path]:
    """A folder that exists."""

    def parse(value: str) -> Path:
        _require(Path(value).is_dir())
        return Path(value)

    return Kind(parse, "a folder that exists")


def file_path() -> Kind[Path]:
    """A file, which need not exist, in a folder that does."""

    def parse(value: str) -> Path:
        _require(bool(value) and Path(value).parent.is_dir() and not Path(value).is_dir())
        return Path(value)

    return Kind(parse, "a file name in a folder that exists")
