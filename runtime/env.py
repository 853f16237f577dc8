"""Settings: environment variables → typed values, with all problems reported at once.

A process declares its settings as a frozen dataclass whose fields are made by `setting`; `load`
reads them from the environment. The same declaration yields the checks, the error messages, the
`--help` text and `docs/settings.md`.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from runtime.known_names import find_unknown

T = TypeVar("T")

_METADATA_KEY = "setting"


class _Declaration(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


D = TypeVar("D", bound=_Declaration)


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong setting: its name, its value (None: not set), what is allowed."""

    name: str
    value: str | None
    allowed: str

    def __str__(self) -> str:
        if self.value is None:
            return f"settings.{self.name} is not set: {self.allowed}"
        return f"settings.{self.name} has invalid value {self.value!r}: {self.allowed}"


class SettingsError(Exception):
    """The environment has wrong settings; the text has a line for each problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How a setting's text is parsed. `parse` raises ValueError for a value not `allowed`."""

    parse: Callable[[str], T]
    allowed: str
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, meaning, kind, and default (None: must be set).

    `also` is another name that it is known by; it counts if `name` is not set.
    """

    name: str
    kind: Kind[Any]
    help: str
    default: str | None
    also: str = ""

    def shown(self, value: str) -> str:
        """Return the value as it may be printed."""
        return "…" if self.kind.is_secret and value else value

    def is_allowed(self, value: str) -> bool:
        """Return whether `load` accepts the value."""
        try:
            self.kind.parse(value.strip())
        except ValueError:
            return False
        return True


def setting(
    name: str,
    kind: Kind[T],
    *,
    help: str,  # noqa: A002
    default: str | None = None,
    also: str = "",
) -> T:
    """Declare a dataclass field that is read from the environment variable `name`.

    `default` is text, as an operator would write it; without one the variable must be set.
    """
    declared = Setting(name=name, kind=kind, help=help, default=default, also=also)
    field: T = dataclasses.field(metadata={_METADATA_KEY: declared})
    return field


def load(declaration: type[D], environ: Mapping[str, str]) -> D:
    """Read the settings that `declaration` declares.

    If every value is valid by itself, the declaration's own `problems()`, if it has one, checks the
    values against each other. Raises `SettingsError` with all problems.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = [
        Problem(one.name, environ[one.name], f"it is retired. {one.instead}")
        for one in find_retired(declaration, environ)
        if one.is_refused
    ]
    # Without its value, which may be a secret under a misspelled name.
    problems += [
        Problem(name, "…", f"there is no such setting; the nearest is {nearest}")
        for name, nearest in find_unknown(environ.keys()).items()
    ]
    for field_name, declared in _settings(declaration):
        text = environ.get(declared.name, environ.get(declared.also, declared.default))
        if text is None:
            problems.append(Problem(declared.name, None, declared.kind.allowed))
            continue
        try:
            values[field_name] = declared.kind.parse(text.strip())
        except ValueError:
            problems.append(Problem(declared.name, declared.shown(text), declared.kind.allowed))
    if problems:
        raise SettingsError(problems)
    loaded = declaration(**values)
    across = getattr(loaded, "problems", None)
    if across is not None and (found := list(across())):
        raise SettingsError(found)
    return loaded


@dataclass(frozen=True, slots=True)
class Retired:
    """A setting that no longer has any effect, and what to do instead.

    One that is refused stops the process: what its operator relied on would silently be gone.
    """

    name: str
    instead: str
    is_refused: bool = False


def retired(declaration: type[Any]) -> tuple[Retired, ...]:
    """List the retired settings of `declaration`: its attribute `RETIRED`, if it has one."""
    found: tuple[Retired, ...] = getattr(declaration, "RETIRED", ())
    return found


def find_retired(declaration: type[Any], environ: Mapping[str, str]) -> list[Retired]:
    """Find the retired settings that somebody still sets."""
    return [one for one in retired(declaration) if environ.get(one.name)]


def describe(declaration: type[Any]) -> list[Setting]:
    """List the settings that `declaration` declares, in their order."""
    return [declared for _, declared in _settings(declaration)]


def _settings(declaration: type[Any]) -> Iterator[tuple[str, Setting]]:
    for field in dataclasses.fields(declaration):
        if _METADATA_KEY in field.metadata:
            yield field.name, field.metadata[_METADATA_KEY]


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
