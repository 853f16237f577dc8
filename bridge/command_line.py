"""The bridge's arguments, and its `--help` with all settings."""

import argparse
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.config import BridgeConfig
from runtime.env import Setting, describe

DEAD_LETTER_QUEUE = "AWS_SQS_EMAIL_DLQ_URL"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The settings that the command line overrides, and how to run.

    `is_replay`: the messages come from SQS's dead-letter queue, and their delivery attempts are
    counted from zero.
    """

    settings: dict[str, str]
    is_replay: bool
    drain: bool
    check_health: bool


def read_arguments(argv: Sequence[str], environ: Mapping[str, str]) -> Arguments:
    """Read the arguments; exits with code 2, after a usage line, for wrong ones."""
    parser = argparse.ArgumentParser(
        prog="python -m bridge",
        description="Takes mail notifications from SQS, dispatches them to the workers, and "
        "deletes them when the workers have acknowledged them.",
        epilog=describe_settings(environ, shutil.get_terminal_size().columns),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--max-seconds", metavar="N", help="exit after N seconds (PROCESS_EMAIL_MAX_SECONDS)"
    )
    parser.add_argument(
        "--verbosity", metavar="0-4", help="how much to log (PROCESS_EMAIL_VERBOSITY)"
    )
    parser.add_argument(
        "--queue",
        choices=["main", "dlq"],
        default="main",
        help="which queue to process: the main one, or its dead-letter queue (%(default)s)",
    )
    parser.add_argument(
        "--drain",
        action="store_true",
        help="exit when nothing is visible, delayed, in flight or waiting for deletion",
    )
    parser.add_argument(
        "--check-health",
        action="store_true",
        help="only check the health file; the exit code says whether the bridge is healthy",
    )
    read = parser.parse_args(argv)
    overrides: dict[str, str | None] = {
        "PROCESS_EMAIL_MAX_SECONDS": read.max_seconds,
        "PROCESS_EMAIL_VERBOSITY": read.verbosity,
    }
    if read.queue == "dlq":
        dead_letters = environ.get(DEAD_LETTER_QUEUE)
        if not dead_letters:
            parser.error(f"--queue dlq: {DEAD_LETTER_QUEUE} is not set: the URL of an SQS queue")
        overrides["AWS_SQS_EMAIL_QUEUE_URL"] = dead_letters
    return Arguments(
        settings={name: value for name, value in overrides.items() if value is not None},
        drain=read.drain,
        is_replay=read.queue == "dlq",
        check_health=read.check_health,
    )


def describe_settings(environ: Mapping[str, str], columns: int) -> str:
    """List the settings: name and present value, then meaning, what is allowed, and default."""
    lines = ["settings, from environment variables (…: is set, and may hold a password):"]
    for setting in describe(BridgeConfig):
        lines += ["", f"  {setting.name} = {_present(setting, environ)}"]
        lines += textwrap.wrap(
            f"{setting.help} Allowed: {setting.kind.allowed}. {_default(setting)}.",
            width=max(40, columns - 2),
            initial_indent=" " * 6,
            subsequent_indent=" " * 6,
        )
    return "\n".join(lines)


def _present(setting: Setting, environ: Mapping[str, str]) -> str:
    value = environ.get(setting.name, setting.default)
    if value is None:
        return "(not set)"
    shown = value if value == setting.default else setting.shown(value)
    shown = shown or "(empty)"
    return shown if setting.is_allowed(value) else f"{shown} (not allowed)"


def _default(setting: Setting) -> str:
    if setting.default is None:
        return "Must be set"
    return f"Default: {setting.default or 'empty'}"
