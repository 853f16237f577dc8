"""`manage.py add_user`: create an owner. For operators and tests."""

import json
import uuid
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from emails.management.refusals import in_one_line
from emails.models import Profile, why_refused


class Command(BaseCommand):
    """Create an owner, and print it as one JSON object."""

    help = "Create an owner of masks, and print it as one JSON object."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email", metavar="EMAIL", help="the owner's real address")
        parser.add_argument("--premium", action="store_true")
        parser.add_argument(
            "--subdomain", metavar="NAME", help="the owner's own name, for domain masks"
        )

    def handle(self, *, email: str, premium: bool, subdomain: str | None, **_: Any) -> None:
        """Create the owner. Raises `CommandError` if the models refuse it."""
        try:
            profile = _add(email, premium, subdomain)
        except ValidationError as error:
            raise CommandError(in_one_line(error)) from error
        except IntegrityError as error:
            raise CommandError("This address or name is already taken.") from error
        created = {
            "id": profile.pk,
            "email": email,
            "premium": profile.is_premium,
            "subdomain": profile.subdomain,
        }
        self.stdout.write(json.dumps(created))


@transaction.atomic
def _add(email: str, is_premium: bool, subdomain: str | None) -> Profile:
    users = get_user_model()
    # Not every mail address is a valid Django user name, so make one up.
    user = users(username=f"owner-{uuid.uuid4().hex}", email=email)
    user.set_unusable_password()
    user.full_clean()
    if users.objects.filter(email__iexact=email).exists():
        raise ValidationError({"email": "A user with this address already exists."})
    if email and (why := why_refused(email, None)):
        raise ValidationError({"email": why})
    user.save()
    profile = Profile(user=user, is_premium=is_premium, subdomain=subdomain)
    profile.full_clean()
    profile.save()
    return profile
