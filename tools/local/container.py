"""The local AWS by itself, for docker-compose.yml: `python -m tools.local.container FOLDER`.

The folder holds the certificates for the bridge, and mails in and out. Runs until SIGTERM.
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
    """Run until interrupted, which is success; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.local.container")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=4566)
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    interrupts = Interrupts()
    aws = LocalAws(given.folder, _ALL_INTERFACES, given.port)
    try:
        drop = DropFolder(aws, given.folder)
        print(f"ready: {drop.inbox} → {drop.outbox}", flush=True)
        while True:
            interrupts.check()
            drop.look()
            time.sleep(_POLL_SECONDS)
    except Interrupted:
        return 0
    finally:
        aws.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
