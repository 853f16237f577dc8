"""`manage.py update_tracker_lists`: update the tracker lists."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from emails import tracker_lists
from emails.tracker_lists.sources import SourceUnusable, fetch_list


class Command(BaseCommand):
    """Merge the domains of all sources into one file, which the workers read when they start."""

    help = (
        "Download the tracker lists into TRACKER_LIST_DIR. Workers read them when they start. If "
        "any source fails, nothing changes."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "sources",
            metavar="SOURCE",
            nargs="*",
            help="a file or an https URL (default: TRACKER_LIST_SOURCES)",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="accept the new list even if it has less than half as many domains as the old one",
        )

    def handle(self, *, sources: list[str], force: bool, **_: Any) -> None:
        """Fetch the lists, compare, and replace the file atomically."""
        config = settings.CONFIG
        sources = sources or list(config.tracker_list_sources or ())
        if not sources:
            raise CommandError("No sources: name one, or set TRACKER_LIST_SOURCES.")
        if config.tracker_list_dir is None:
            raise CommandError("TRACKER_LIST_DIR is not set. It names the folder for the list.")
        domains = self._fetch(sources)
        file = config.tracker_list_dir / tracker_lists.UPDATED
        before = len(tracker_lists.read(file)) if file.exists() else 0
        if len(domains) * 2 < before and not force:
            raise CommandError(
                f"The new list has {len(domains)} domains, the old one {before}. "
                "Nothing changed; use --force to accept the new list."
            )
        try:
            _replace(file, domains)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        self.stdout.write(f"The list now has {len(domains)} domains; before, it had {before}.")

    def _fetch(self, sources: list[str]) -> frozenset[str]:
        found: set[str] = set()
        problems = []
        for source in sources:
            try:
                domains = fetch_list(source)
            except SourceUnusable as error:
                problems.append(str(error))
            else:
                self.stdout.write(f"{source}: {len(domains)} domains")
                found |= domains
        if problems:
            raise CommandError("\n".join(["Nothing changed.", *problems]))
        return frozenset(found)


def _replace(file: Path, domains: frozenset[str]) -> None:
    written = file.with_suffix(".new")
    written.write_text("\n".join([*sorted(domains), ""]))
    written.replace(file)
