"""`manage.py import_relay`: take over Firefox Relay's owners, masks and replies, or follow them."""

import sys
from argparse import ArgumentParser
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from emails.models.hashes import is_secret_known
from emails.relay_import import follow, models, report, run, schema
from emails.relay_import.setup import settings_of
from emails.relay_import.source import Source, SourceRefused, SourceUnavailable
from emails.values.errors import NotFinished

_STATEMENT_SECONDS = 600


class Command(BaseCommand):
    """Import from RELAY_SOURCE_DATABASE_URL, and print a report that compares the counts."""

    help = (
        "Import owners, masks, names and reply records from Firefox Relay's database "
        "(RELAY_SOURCE_DATABASE_URL), which is only read. May be repeated and interrupted: it "
        "changes what differs, and continues. Ends with 1 if anything was not taken; the report "
        "says what and why. Run it with the workers' settings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--dry-run", action="store_true", help="change nothing, only report")
        parser.add_argument(
            "--follow",
            type=float,
            nargs="?",
            const=5.0,
            metavar="SECONDS",
            help="afterwards take over every change that the website makes, as often as this "
            "(default: 5), until stopped",
        )
        parser.add_argument(
            "--allow-deletions",
            action="store_true",
            help="delete however many masks and owners are gone at the source",
        )
        parser.add_argument(
            "--role-may-write",
            action="store_true",
            help="accept a role at the source that could change it",
        )
        parser.add_argument(
            "--list-all", action="store_true", help="list all ids that were not taken, not 20"
        )

    def handle(self, **options: Any) -> None:
        """Import, report, and perhaps follow. Raises `CommandError` for what can't be used."""
        config = settings.CONFIG
        if config.source_database_url is None:
            raise CommandError("RELAY_SOURCE_DATABASE_URL is not set: where to import from.")
        if not is_secret_known():
            raise CommandError("Set REPLY_SECRET or SECRET_KEY as for the workers.")
        if options["dry_run"] and options["follow"] is not None:
            raise CommandError("Choose one of --dry-run and --follow.")
        source = Source(config.source_database_url)
        _wait_longer()
        try:
            self._work(source, **options)
        except (SourceRefused, run.TooManyDeletions) as error:
            raise CommandError(str(error)) from error
        except SourceUnavailable as error:
            raise CommandError(
                f"The source can't be read ({error}). Run this again: it continues."
            ) from error
        except (DatabaseError, NotFinished) as error:
            raise CommandError(
                f"Our own database failed ({type(error).__name__}). Run this again: it continues."
            ) from error
        finally:
            source.close()

    def _work(self, source: Source, *, dry_run: bool, **options: Any) -> None:
        now = datetime.now(UTC)
        fingerprint = source.require_predecessor(role_may_write=options["role_may_write"])
        with transaction.atomic() if dry_run else nullcontext():
            this = run.begin(fingerprint, now)
            self._import(source, now, options["allow_deletions"])
            is_complete = self._report(source, shows_all=options["list_all"])
            if dry_run:
                transaction.set_rollback(True)
                self.stdout.write("Nothing was changed: --dry-run.")
        if not dry_run:
            models.ImportRun.objects.filter(pk=this.pk).update(completed_at=datetime.now(UTC))
        if options["follow"] is not None:
            self._follow(source, options["follow"], options["allow_deletions"])
        elif not is_complete:
            sys.exit(1)

    def _import(self, source: Source, now: datetime, allow_deletions: bool) -> None:
        totals = {step: source.fetch_number(sql) for step, sql in schema.COUNTS.items()}
        done = {step: [0, 0, 0, 0] for step in totals}
        with _bar() as bar:
            tasks = {step: bar.add_task(step, total=total) for step, total in totals.items()}
            for one in run.run(
                source, settings_of(settings.CONFIG, now), allow_deletions=allow_deletions
            ):
                bar.advance(tasks[one.step], one.rows)
                changes = (one.rows, one.added, one.changed, one.deleted)
                done[one.step] = [a + b for a, b in zip(done[one.step], changes, strict=True)]
        for step, (rows, added, changed, deleted) in done.items():
            self.stdout.write(
                f"{step}: {rows} read, {added} added, {changed} changed, {deleted} deleted"
            )

    def _report(self, source: Source, *, shows_all: bool) -> bool:
        lines = report.compare(source)
        for line in lines:
            here = "hashes" if line.here is None else f"{line.here} here"
            self.stdout.write(
                f"{line.step}: {line.source} at the source, {here}, {line.not_taken} not taken, "
                f"{line.deleted_here} deleted here, {line.ignored} that own nothing"
            )
        for text in report.not_taken(shows_all=shows_all):
            self.stdout.write(text)
        return all(line.is_complete for line in lines)

    def _follow(self, source: Source, seconds: float, allow_deletions: bool) -> None:
        self.stdout.write("Following.")
        self.stdout.flush()
        follow.follow(source, settings.CONFIG, seconds, allow_deletions=allow_deletions)


def _wait_longer() -> None:
    """Let a statement about thousands of rows take longer than a worker's may."""
    if connection.connection is None:
        connection.settings_dict["OPTIONS"] |= {
            "answer_seconds": _STATEMENT_SECONDS + 60,
            "options": f"-c statement_timeout={_STATEMENT_SECONDS * 1000} -c lock_timeout=10000",
        }


def _bar() -> Progress:
    """Make the progress bars. Without a terminal they show nothing."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description:>14}"),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
