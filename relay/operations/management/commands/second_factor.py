"""`manage.py second_factor`: gives a member of staff a second factor, or takes it away."""

from argparse import ArgumentParser

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django_otp.plugins.otp_totp.models import TOTPDevice


class Command(BaseCommand):
    """Make a TOTP device (RFC 6238), and print its URL once."""

    help = (
        "Make a new second factor for a user, in place of an earlier one, and print the otpauth:// "
        "URL for an authenticator app. It is a secret, and is not shown again. The admin demands "
        "it if ADMIN_SECOND_FACTOR is on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("username")
        parser.add_argument("--remove", action="store_true", help="only take it away")

    def handle(self, *, username: str, remove: bool, **_: object) -> None:
        """Replace the user's devices. Raises `CommandError` if there is no such user."""
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        TOTPDevice.objects.filter(user=user).delete()
        if remove:
            self.stdout.write("Removed.")
            return
        device = TOTPDevice.objects.create(user=user, name="authenticator app")
        self.stdout.write(device.config_url)
