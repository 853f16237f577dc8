"""The canary of a run: its mask, its way from SES's sending to its receiving side, its age."""

import threading
import time
from contextlib import suppress
from typing import cast

import dramatiq
import redis

from emails.wire import CANARY_KEY
from tests.chaos.world import World
from tools.local.canary import OWNER

CANARY = "canary@masks.example"

_EVERY_SECONDS, _LOOK_SECONDS = 5.0, 0.5
_BACK_SECONDS = 60.0
"""How soon after all faults one must be back."""


class Canaries:
    """Stands in for the internet: what SES sends to the canary's mask is received there.

    The books account for a canary as for any other mail.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen = 0
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._send_on, daemon=True)
        self.names: list[str] = []
        world.stack.add_user(OWNER)
        world.stack.add_mask(OWNER, "--address", CANARY.partition("@")[0])

    def bring_back(self) -> None:
        """Deliver the canaries that were sent since this was last called."""
        for mail in self._world.aws.sent(self._seen):
            self._seen += 1
            if CANARY in mail.recipients:
                self.names.append(self._world.lab.take_in(mail.raw, CANARY))

    def start(self) -> None:
        """Send them as the scheduler does, only more often; until `stop`."""
        self._thread.start()

    def find_problem(self) -> list[str]:
        """Wait for one that is sent from now on. Returns what is wrong if none comes back."""
        started_ms, deadline = time.time() * 1000, time.monotonic() + _BACK_SECONDS
        while time.monotonic() < deadline:
            with suppress(redis.RedisError):
                back_ms = cast("bytes | None", self._world.client().hget(CANARY_KEY, "back_ms"))
                if int(back_ms or 0) > started_ms:
                    return []
            time.sleep(_LOOK_SECONDS)
        return [f"no canary came back within {_BACK_SECONDS:.0f} s after all faults"]

    def stop(self) -> None:
        """Send no more. Those on their way are still to be waited for."""
        self._leaving.set()
        if self._thread.is_alive():
            self._thread.join()

    def _send_on(self) -> None:
        due = 0.0
        while not self._leaving.wait(_LOOK_SECONDS):
            self.bring_back()
            if time.monotonic() >= due:
                with suppress(redis.RedisError, dramatiq.BrokerError):
                    self._world.stack.run_job("send_canary")
                    due = time.monotonic() + _EVERY_SECONDS
