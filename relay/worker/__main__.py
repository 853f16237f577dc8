"""`python -m relay.worker`: Dramatiq's master and its workers, for `manage.py rundramatiq`.

Dramatiq's master loads nothing of ours, so its last words (which worker died) would be no JSON.
"""

import logging.config
import os
import sys

from dramatiq import cli

from runtime.config import SharedConfig
from runtime.env import SettingsError, load
from runtime.logging import logging_settings
from runtime.malloc import share_arena


def main() -> int:
    """Run until stopped, or until a worker dies; returns the exit code."""
    arguments = cli.make_argument_parser().parse_args()  # type: ignore[no-untyped-call]
    try:
        config = load(SharedConfig, os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    logging.config.dictConfig(logging_settings(config.log_format, verbosity=2))
    share_arena()
    # At SIGHUP, Dramatiq executes these again.
    sys.argv = [sys.executable, "-m", "relay.worker", *sys.argv[1:]]
    return int(cli.main(arguments))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    sys.exit(main())
