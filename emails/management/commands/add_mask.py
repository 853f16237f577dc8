"""`manage.py add_mask`: create a mask for an owner. For operators and tests."""

import json
import secrets
import string
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from emails.management.refusals import in_one_line
from emails.models import DomainMask, Mask, Profile, RandomMask
from emails.rules.addresses import domain_of, parse
from emails.rules.names import is_decent_random_name
from emails.values.facts import Block

_ALPHABET = string.ascii_lowercase + string.digits
_RANDOM_LENGTH = 9


class Command(BaseCommand):
    """Create a mask, and print it as one JSON object."""

    help = "Create a mask for an owner, and print it as one JSON object."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email", metavar="EMAIL", help="the owner's real address")
        parser.add_argument(
            "--address",
            metavar="LOCAL",
            help="the part before the @, or a whole address (default: a random address)",
        )
        parser.add_argument("--block", choices=[block.value for block in Block], default="none")

    def handle(self, *, email: str, address: str | None, block: str, **_: Any) -> None:
        """Create the mask. Raises `CommandError` if the models refuse it."""
        profile = Profile.objects.filter(user__email__iexact=email).first()
        if profile is None:
            raise CommandError("No owner has this address.")
        mask = _mask(profile, address or _random_local())
        mask.block = block
        try:
            mask.full_clean()
            mask.save()
        except ValidationError as error:
            raise CommandError(in_one_line(error)) from error
        except IntegrityError as error:
            raise CommandError("There is such a mask already.") from error
        created = {
            "id": mask.pk,
            "kind": mask.KIND.value,
            "address": mask.address,
            "owner": profile.pk,
            "block": mask.block,
        }
        self.stdout.write(json.dumps(created))


def _mask(profile: Profile, address: str) -> Mask:
    """Return an unsaved mask: on the first domain, or with the whole address if one is given."""
    home = domain_of(settings.CONFIG.mask_domains[0]) or ""
    parsed = parse(address if "@" in address else f"{address}@{home}")
    if parsed is None:
        raise CommandError("A mask can't have this name.")
    kind = DomainMask if parsed.domain.partition(".")[2] in _domains() else RandomMask
    return kind(profile=profile, local=parsed.local, domain=parsed.domain)


def _domains() -> set[str | None]:
    return {domain_of(domain) for domain in settings.CONFIG.mask_domains}


def _random_local() -> str:
    """Return a random name. Of 36⁹ names none can be guessed, and the table refuses duplicates."""
    while True:
        local = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
        if is_decent_random_name(local):
            return local
