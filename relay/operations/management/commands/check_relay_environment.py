"""`manage.py check_relay_environment`: what becomes of Firefox Relay's environment here."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bridge.config import BridgeConfig
from emails.relay_import.environment import findings, parse_environment
from relay.config import RelayConfig
from runtime.env import describe, retired


class Command(BaseCommand):
    """Read an environment, and print a line for each variable."""

    help = (
        "Read Firefox Relay's environment from FILE, lines of NAME=value as `env` prints them, and "
        "say what each variable becomes here, what is ignored, and which defaults differ. Shows no "
        "secret. Ends with 1 if a process with this environment would refuse to start."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="FILE", help="the file; - for standard input")

    def handle(self, *, file: str, **_: Any) -> None:
        """Print the findings. Raises `CommandError` for a file that can't be read."""
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} can't be read: {error}") from error
        settings = [*describe(RelayConfig), *describe(BridgeConfig)]
        found = list(findings(parse_environment(text), settings, retired(RelayConfig)))
        for one in found:
            self.stdout.write(f"{one.name}: {one.text}")
        if any(one.is_problem for one in found):
            sys.exit(1)
