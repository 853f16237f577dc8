"""The inbound logic alone: the floor that the relay is measured against.

`python -m bench.inbound FILE` takes SNS envelopes, one a line, and handles them one after another
in this one warm process, without SQS and Redis. Prints what that took, as JSON.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from emails.aws import MailStore
    from emails.notifications import StoredMail


class NoPace:
    """Sends as fast as it can, and asks no Redis."""

    def __init__(self, *_: object) -> None:
        pass

    def wait_turn(self) -> None:
        """Go on at once."""

    def slow_down(self) -> None:
        """Pay no heed."""


class DeleteAtOnce:
    """Deletes each mail in a call of its own, and asks no Redis."""

    def __init__(self, _: object, mail_store: "MailStore", bucket: str) -> None:
        self._mail_store = mail_store
        self._bucket = bucket

    def add(self, mail: "StoredMail") -> None:
        """Delete it now."""
        self._mail_store.delete(self._bucket, [mail.key])


def handle(body: str) -> None:
    """Carry out the notification in an envelope."""
    from emails import tasks

    tasks.Pace = NoPace  # type: ignore[assignment,attr-defined]
    tasks.Discards = DeleteAtOnce  # type: ignore[assignment,attr-defined]
    envelope = json.loads(body)
    tasks.process_notification.fn(
        sns_message_id=envelope["MessageId"], notification=envelope["Message"]
    )


def main() -> None:
    """Handle them all; the first hundred, a tenth at least, only warm up."""
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
