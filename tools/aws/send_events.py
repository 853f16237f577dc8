"""Publishes SES's events through SNS into a queue: `Send`, unless lost or late, and `Bounce`."""

import asyncio
import time
from collections.abc import Callable

from tools.aws.bounces import bounce_of, status_of
from tools.aws.faults import Dice
from tools.aws.queues import Message, Queue
from tools.aws.ses import Accepted
from tools.local.send_events import Destination


class SendEvents:
    """Publishes to a destination; without one, nothing."""

    def __init__(self, dice: Dice, find_queue: Callable[[str], Queue]) -> None:
        self.destination: Destination | None = None
        self.bouncing: dict[str, dict[str, str]] = {}
        self.bounced: dict[str, str] = {}
        """The status of each bounce, by SES's id of the mail; empty: it says none."""
        self._dice = dice
        self._find_queue = find_queue

    def publish(self, mail: Accepted) -> None:
        """Publish the event of a mail, unless it is to be lost; later, if it is to be delayed."""
        if self.destination is None:
            return
        if bounced := bounce_of(mail, self.bouncing):
            self.bounced[mail.ses_id] = status_of(bounced)
            self._put(self.destination, self.destination.signed(bounced))
        if self._dice.loses_event():
            return
        to, tags = self.destination, dict(mail.tags)
        body = to.envelope(mail.ses_id, mail.sender, mail.recipients, tags)
        if delay_seconds := self._dice.faults.event_delay_ms / 1000:
            asyncio.get_running_loop().call_later(delay_seconds, self._put, to, body)
        else:
            self._put(to, body)

    def _put(self, to: Destination, body: str) -> None:
        now = time.time()
        self._find_queue(to.queue).send(Message(body, now), now)
