"""The inbound logic alone: the floor that the relay is measured against.

`python -m bench.inbound FILE` takes SNS envelopes, one a line, and handles them one after another
in this one warm process, without SQS and Redis. Prints what that took, as JSON.
"""

import json
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from emails.flow.context import Ports


class NoPace:
    """A pace without a limit, and without Redis."""

    def check_place(self) -> None:
        """Each has its place."""

    def wait_turn(self) -> None:
        """Never wait."""

    def slow_down(self) -> None:
        """Ignore it."""


@cache
def _ports() -> "Ports":
    """Make the relay's ports, but use no Redis."""
    from django.conf import settings

    from emails.wiring import build_ports

    return replace(build_ports(settings.CONFIG, settings.REPLY_SECRETS), pace=NoPace())


def handle(body: str) -> None:
    """Handle the notification in an envelope."""
    from emails.flow.handle import handle as handle_notification
    from emails.values.notifications import parse

    envelope = json.loads(body)
    handle_notification(
        parse(envelope["Message"]), envelope["MessageId"], ports=_ports(), now=datetime.now(UTC)
    )


def main() -> None:
    """Handle all; the first hundred, or a tenth if that is more, only warm up."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay.settings")
    django.setup()
    bodies = Path(sys.argv[1]).read_text().splitlines()
    warm = max(1, min(100, len(bodies) // 10))
    for body in bodies[:warm]:
        handle(body)
    cpu, wall = time.process_time(), time.monotonic()
    for body in bodies[warm:]:
        handle(body)
    told = {
        "messages": len(bodies) - warm,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.monotonic() - wall,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
