"""`manage.py update_tracker_lists`: get the lists of trackers anew."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from emails import tracker_lists
from emails.tracker_lists.sources import SourceUnusable, fetch_list


class Command(BaseCommand):
    """Put all domains of the sources into one file, which the workers read when they start."""

    help = (
        "Get the lists of trackers anew, into TRACKER_LIST_DIR. The workers read them when they "
        "start. If one source fails, nothing is changed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "sources",
            metavar="SOURCE",
            nargs="*",
            help="a file or an https URL; without any, those of TRACKER_LIST_SOURCES",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="take the new list even if it has less than half of the domains of the old one",
        )

    def handle(self, *, sources: list[str], force: bool, **_: Any) -> None:
        """Fetch, compare, and replace the file in one step."""
        config = settings.CONFIG
        sources = sources or list(config.tracker_list_sources or ())
        if not sources:
            raise CommandError("There is no source: give one, or set TRACKER_LIST_SOURCES.")
        if config.tracker_list_dir is None:
            raise CommandError("TRACKER_LIST_DIR is not set: it is the folder the list goes into.")
        domains = self._fetch(sources)
        file = config.tracker_list_dir / tracker_lists.UPDATED
        before = len(tracker_lists.read(file)) if file.exists() else 0
        if len(domains) * 2 < before and not force:
            raise CommandError(
                f"The new list has {len(domains)} domains, the old one {before}: "
                "nothing is changed. --force takes it all the same."
            )
        try:
            _replace(file, domains)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        self.stdout.write(f"{len(domains)} domains are listed now; before there were {before}.")

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
            raise CommandError("\n".join(["Nothing is changed.", *problems]))
        return frozenset(found)


def _replace(file: Path, domains: frozenset[str]) -> None:
    written = file.with_suffix(".new")
    written.write_text("\n".join([*sorted(domains), ""]))
    written.replace(file)
