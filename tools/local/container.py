"""`python -m tools.local.container FOLDER`: runs the local AWS until SIGTERM.

For docker-compose.yml. The folder holds the bridge's certificates and the folders for mails in and
out.
"""

import argparse
import sys
import time
from pathlib import Path

from tools.local.aws import LocalAws
from tools.local.drop import DropFolder
from tools.local.interrupts import Interrupted, Interrupts

_ALL_INTERFACES = "0.0.0.0"
_POLL_SECONDS = 0.5


def main(arguments: list[str]) -> int:
    """Run until interrupted; returns the exit code, 0 for an interrupt."""
    parser = argparse.ArgumentParser(prog="python -m tools.local.container")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=4566)
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    interrupts = Interrupts()
    aws = LocalAws(given.folder, _ALL_INTERFACES, given.port)
    try:
        aws.publish_send_events()
        drop = DropFolder(aws, given.folder)
        print(f"ready: {drop.inbox} → {drop.outbox}", flush=True)
        while True:
            interrupts.check()
            drop.poll()
            time.sleep(_POLL_SECONDS)
    except Interrupted:
        return 0
    finally:
        aws.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
