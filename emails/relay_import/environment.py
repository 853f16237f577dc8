"""What becomes of the predecessor's environment here, variable by variable. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runtime.env import Retired, Setting


@dataclass(frozen=True, slots=True)
class Known:
    """A variable of the predecessor's: its default there, and what to know about it here."""

    name: str
    default: str
    note: str = ""


KNOWN = (
    Known("RELAY_FIREFOX_DOMAIN", ""),
    Known("MOZMAIL_DOMAIN", ""),
    Known("RELAY_FROM_ADDRESS", "", "a display name is left out"),
    Known("STATSD_ENABLED", "true"),
    Known("DJANGO_STATSD_HOST", "127.0.0.1", "without it nothing is sent here"),
    Known("DJANGO_STATSD_PORT", "8125"),
    Known("DJANGO_STATSD_PREFIX", "", "METRICS_NAMES=relay needs it as RELAY_METRICS_PREFIX, too"),
    Known("SOFT_BOUNCE_ALLOWED_DAYS", "1"),
    Known("HARD_BOUNCE_ALLOWED_DAYS", "30"),
    Known("MAX_FORWARDED_PER_DAY", "1000"),
    Known("MAX_FORWARDED_EMAIL_SIZE_PER_DAY", "1000000000"),
    Known("MAX_REPLIES_PER_DAY", "100"),
    Known("MAX_ADDRESS_CREATION_PER_DAY", "100"),
    Known("ACCOUNT_PREMIUM_FEATURE_PAUSED_DAYS", "1"),
    Known("ALLOWED_ACCOUNTS", ""),
    Known("PROCESS_EMAIL_MAX_SECONDS", "0", "empty and 0: for ever"),
    Known("PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE", "120.0", "a fraction is rounded up"),
    Known("PROCESS_EMAIL_VERBOSITY", "1", "2 shows a line for each message"),
)
"""The predecessor's variables that its mail path reads, besides AWS's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What becomes of one variable. `is_problem`: with it, no process would start here."""

    name: str
    text: str
    is_problem: bool = False


def parse_environment(text: str) -> dict[str, str]:
    """Read lines of NAME=value, as `env` prints them or a file for systemd or Docker has them."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.isidentifier() and not name.startswith("#"):
            found[name] = _unquoted(value.strip())
    return found


def findings(
    environ: Mapping[str, str], settings: Sequence[Setting], retired: Sequence[Retired]
) -> Iterator[Finding]:
    """Say of each variable what it becomes, and of each known one that is not set what differs."""
    by_name = {setting.name: setting for setting in settings}
    by_name |= {setting.also: setting for setting in settings if setting.also}
    gone = {one.name: one for one in retired}
    known = {one.name: one for one in KNOWN}
    for name, value in sorted(environ.items()):
        if name in gone:
            yield _retired(gone[name])
        elif name in by_name:
            yield _kept(name, value, by_name[name], known.get(name))
    for name, one in known.items():
        setting = by_name.get(name)
        if name not in environ and setting is not None and _differs(one, setting):
            theirs, ours = one.default or "empty", setting.default or "empty"
            yield Finding(name, f"not set: {theirs} there, {ours} here")
    others = sorted(environ.keys() - gone.keys() - by_name.keys())
    if others:
        yield Finding("ignored", ", ".join(others))


def _retired(one: Retired) -> Finding:
    word = "refused" if one.is_refused else "has no effect"
    return Finding(one.name, f"{word}. {one.instead}", one.is_refused)


def _kept(name: str, value: str, setting: Setting, known: Known | None) -> Finding:
    if not setting.is_allowed(value):
        text = f"{setting.shown(value)!r} is refused. Allowed: {setting.kind.allowed}"
        return Finding(name, text, is_problem=True)
    text = "the same here" if setting.name == name else f"understood, as {setting.name}"
    return Finding(name, f"{text}; {known.note}" if known and known.note else text)


def _differs(known: Known, setting: Setting) -> bool:
    try:
        theirs = setting.kind.parse(known.default)
        return bool(theirs != setting.kind.parse(setting.default or ""))
    except ValueError:
        return False


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value
