"""`manage.py add_mask`: make a mask for an owner. For operators and tests."""

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
    """Make a mask, and print it as one JSON object."""

    help = "Make a mask for an owner; prints one JSON object."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email", metavar="EMAIL", help="the owner's real address")
        parser.add_argument(
            "--address",
            metavar="LOCAL",
            help="the part before the @, or a whole address; without it a random one is made",
        )
        parser.add_argument("--block", choices=[block.value for block in Block], default="none")

    def handle(self, *, email: str, address: str | None, block: str, **_: Any) -> None:
        """Make the mask, or refuse what the models refuse."""
        profile = Profile.objects.filter(user__email__iexact=email).first()
        if profile is None:
            raise CommandError("There is no owner with this address.")
        mask = _mask(profile, address or _random_local())
        mask.block = block
        try:
            mask.full_clean()
            mask.save()
        except ValidationError as error:
            raise CommandError(in_one_line(error)) from error
        except IntegrityError as error:
            raise CommandError("There is such a mask already.") from error
        made = {
            "id": mask.pk,
            "kind": mask.KIND.value,
            "address": mask.address,
            "owner": profile.pk,
            "block": mask.block,
        }
        self.stdout.write(json.dumps(made))


def _mask(profile: Profile, address: str) -> Mask:
    """Make a random mask on the first domain, or what the whole address asks for."""
    home = domain_of(settings.CONFIG.mask_domains[0]) or ""
    parsed = parse(address if "@" in address else f"{address}@{home}")
    if parsed is None:
        raise CommandError("This can't be the name of a mask.")
    kind = DomainMask if parsed.domain.partition(".")[2] in _domains() else RandomMask
    return kind(profile=profile, local=parsed.local, domain=parsed.domain)


def _domains() -> set[str | None]:
    return {domain_of(domain) for domain in settings.CONFIG.mask_domains}


def _random_local() -> str:
    """Make up a name. 36⁹ of them: guessing is hopeless, and a clash is refused by the table."""
    while True:
        local = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
        if is_decent_random_name(local):
            return local
