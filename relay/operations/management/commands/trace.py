"""`manage.py trace`: what became of a mail."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from relay.operations.dead_letters.filters import read_age
from relay.operations.trace import formatting, looking


class Command(BaseCommand):
    """Tell a mail's story."""

    help = (
        "Tell what became of a mail, from any of its ids: SQS, SNS or SES message id, key in S3, "
        "delivery, trace; or find the mails of a mask at a time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "ids", nargs="+", metavar="ID", help="an id, or with --at a mask such as random-12"
        )
        parser.add_argument("--at", metavar="TIME", help="when a mask's mail came, in UTC")
        parser.add_argument(
            "--within", metavar="AGE", default="10m", help="how far from that: 30s, 10m, 3h"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")

    def handle(self, **options: Any) -> None:
        """Print the story, or the deliveries of a mask."""
        for given in options["ids"]:
            try:
                if options["at"] is not None:
                    self._of_mask(given, options)
                else:
                    self._of_id(looking.read_id(given), options)
            except looking.NoId as error:
                raise CommandError(f"{given!r}: {error}") from error

    def _of_id(self, given: str, options: dict[str, Any]) -> None:
        found = looking.trace(given)
        if options["json"]:
            self.stdout.write(json.dumps(formatting.as_json(found)))
        else:
            self.stdout.write("\n".join(formatting.as_lines(found)))
        # Of several, the others are told all the same.
        if not found.steps and len(options["ids"]) == 1:
            raise CommandError(f"Nothing is known of {given}.")

    def _of_mask(self, given: str, options: dict[str, Any]) -> None:
        mask, at = looking.read_mask(given), looking.read_time(options["at"])
        try:
            within: timedelta = read_age(options["within"])
            found = looking.find_of_mask(mask, at, within)
        except ValueError as error:
            raise CommandError(f"--within: {error}") from error
        except DatabaseError as error:
            raise CommandError(f"PostgreSQL can't be read ({type(error).__name__}).") from error
        if len(found) == 1:
            self._of_id(found[0].reference, options)
            return
        for row in found:
            fields = formatting.summary(row)
            line = json.dumps(fields) if options["json"] else "  ".join(fields.values())
            self.stdout.write(line)
        if not found:
            raise CommandError(f"No mail to {mask} is known from that time.")
