"""Django's command line where the relay is installed from a wheel: `mail-relay`, as `manage.py`."""

from runtime.interpreter import require_supported

# An older Python can't import what follows: say so, instead of how the import failed.
require_supported()

import os
import sys

from django.core.management import execute_from_command_line

from relay import placeholder_settings
from runtime.env import SettingsError


def main() -> None:
    """Run the command; wrong settings are shown as one line each."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay.settings")
    # Dramatiq's own variable, in milliseconds: how long an idle worker sleeps before it looks
    # again. Its default is a second, half of which a mail would wait on average.
    os.environ.setdefault("dramatiq_worker_timeout", "50")
    if placeholder_settings.will_do(sys.argv[1:]):
        placeholder_settings.fill_in(os.environ)
    try:
        execute_from_command_line(sys.argv)
    except SettingsError as error:
        sys.exit(str(error))
    except BrokenPipeError:
        # Whoever reads our output, such as `head`, has seen enough. What is left in the buffer must
        # not be written when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
