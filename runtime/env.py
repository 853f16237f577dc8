"""Settings: environment variables → typed values, with all problems reported at once.

A process declares its settings as a frozen dataclass whose fields are made by `setting`; `load`
reads them from the environment. The same declaration yields the checks, the error messages, the
`--help` text and `docs/settings.md`.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from runtime.known_names import find_unknown
from runtime.setting_kinds import Kind

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
