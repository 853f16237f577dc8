"""`manage.py forget_owner`: remove an owner everywhere, and prove it."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from emails.models import Profile
from emails.values.errors import NotFinished, Refused
from emails.wiring import build_mail_store
from relay.operations import forgetting
from relay.operations.dead_letters import handling
from relay.operations.management.redis_away import redis_away


class Command(BaseCommand):
    """Remove an owner, and what there is of their mail."""

    help = (
        "Remove an owner: the account, the masks, reply records, held mails, dead letters and "
        "their mails in S3. Prints what was found, what was removed, and whether anything is left. "
        "Run it with the workers' settings and permissions."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("id", type=int, metavar="ID", help="the owner's id, as add_user shows")
        parser.add_argument("--yes", action="store_true", help="don't ask")

    def handle(self, *, id: int, yes: bool, **_: Any) -> None:  # noqa: A002 - the argument's name
        """Find, ask, remove, search."""
        owner = Profile.objects.filter(pk=id).select_related("user").first()
        if owner is None:
            raise CommandError(f"There is no owner {id}.")
        dead_letters, now = handling.store(), datetime.now(UTC)
        try:
            found = forgetting.find(owner, dead_letters, now)
            self._show("found", found.counts())
            if not (yes or self._is_confirmed()):
                raise CommandError("Nothing was removed.")
            mail_store = build_mail_store(settings.CONFIG)
            self._show("removed", forgetting.remove(found, dead_letters, mail_store.delete))
            left = forgetting.search(found, dead_letters, now)
        except RedisError as error:
            raise redis_away(error) from error
        except forgetting.MailsNotDeleted as error:
            raise CommandError(f"S3 did not delete all mails ({error}); try again.") from error
        except (NotFinished, Refused) as error:
            raise CommandError(f"Not finished ({error.reason}); try again.") from error
        self._show("left", left)
        shared = len(found.shared_letters)
        if left.pop("dead letters", 0) > shared or left:
            raise CommandError("Something is left.")
        self.stdout.write("Nothing else is left." if shared else "Nothing is left.")

    def _show(self, what: str, counts: dict[str, int]) -> None:
        for name, number in counts.items():
            if number:
                self.stdout.write(f"{what}: {number} {name}")

    def _is_confirmed(self) -> bool:
        if not sys.stdin.isatty():
            return False
        self.stdout.write("Remove all this? It can't be brought back. Type yes: ", ending="")
        self.stdout.flush()
        return sys.stdin.readline().strip() == "yes"
