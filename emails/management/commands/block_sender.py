"""`manage.py block_sender`: block a sender for an owner, undo that, or list the blocked ones."""

import json
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from emails.models import Profile
from emails.rules.addresses import MaskRecipient, our_recipients
from emails.rules.sender_blocks import Sender, read_sender
from emails.store import lookups, sender_blocks
from emails.values.facts import FoundMask, MaskRef
from emails.wiring import policy_of


class Command(BaseCommand):
    """Block a sender for an owner, and print what was done as one JSON object."""

    help = "Block a sender for an owner. Without SENDER: list whom the owner blocks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email", metavar="EMAIL", help="the owner's real address")
        parser.add_argument(
            "sender",
            metavar="SENDER",
            nargs="?",
            help="an address, or a domain with all below it; held mails from the address are "
            "deleted",
        )
        parser.add_argument("--mask", metavar="ADDRESS", help="for this mask only (default: all)")
        parser.add_argument("--undo", action="store_true", help="unblock the sender")

    def handle(
        self, *, email: str, sender: str | None, mask: str | None, undo: bool, **_: Any
    ) -> None:
        """Do it. Raises `CommandError` for an unknown owner, mask or sender."""
        profile = Profile.objects.filter(user__email__iexact=email).first()
        if profile is None:
            raise CommandError("No owner has this address.")
        secrets: tuple[bytes, ...] = settings.REPLY_SECRETS
        if sender is None:
            if undo or mask:
                raise CommandError("Name the sender, too.")
            self._list(profile.pk, secrets)
            return
        wanted = read_sender(sender)
        if wanted is None:
            raise CommandError("This is neither an address nor a domain.")
        ref = _find_mask(mask, profile.pk) if mask else None
        done = _undo(profile.pk, wanted, ref, secrets) if undo else None
        if done is None:
            now = datetime.now(UTC)
            deleted = sender_blocks.record_block(profile.pk, wanted, ref, secrets, now)
            done = {"done": "blocked", "held_mails_deleted": deleted}
        self._print(done | {"sender": wanted.text, "mask": _word_for(ref)})

    def _list(self, owner_id: int, secrets: tuple[bytes, ...]) -> None:
        for found in sender_blocks.find_blocked(owner_id, secrets):
            self._print(
                {
                    "sender": found.text,
                    "mask": _word_for(found.mask),
                    "since": found.created_at.isoformat(),
                }
            )

    def _print(self, document: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(document))


def _undo(
    owner_id: int, sender: Sender, mask: MaskRef | None, secrets: tuple[bytes, ...]
) -> dict[str, Any]:
    if not sender_blocks.remove_block_of(owner_id, sender, mask, secrets):
        raise CommandError("This sender is not blocked.")
    return {"done": "unblocked"}


def _find_mask(address: str, owner_id: int) -> MaskRef:
    for recipient in our_recipients([address], policy_of(settings.CONFIG)):
        if isinstance(recipient, MaskRecipient):
            found = lookups.find_mask(recipient, datetime.now(UTC))
            if isinstance(found, FoundMask) and found.owner.id == owner_id:
                return found.mask.ref
    raise CommandError("The owner has no such mask.")


def _word_for(mask: MaskRef | None) -> str:
    return str(mask) if mask else "all"
