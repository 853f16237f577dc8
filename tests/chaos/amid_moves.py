"""Faults at the moment when a bridge moves messages to the overflow queue."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import redis

from tests.chaos.supervisor import BRIDGES, Supervisor
from tests.chaos.world import World
from tests.lab.wires import Wire
from tests.lab.wiring import Server

_MOVE, _DELETE = b"AmazonSQS.SendMessageBatch", b"AmazonSQS.DeleteMessageBatch"

Undo = Callable[[], object]


class AmidMoves:
    """Watches the bridges' calls to SQS. `moves_cut` counts bridges killed amid a move."""

    def __init__(self, world: World, supervisor: Supervisor) -> None:
        self._world = world
        self._supervisor = supervisor
        self.moves_cut = 0

    def wipe_redis(self) -> Undo:
        """Wipe Redis at the next move; if there is none, at the end."""
        client = self._world.client()

        def wipe() -> None:
            self._ignore(_MOVE)
            with suppress(redis.RedisError):
                client.flushall()

        self._watch(lambda _, __: wipe)
        return lambda: None if self._ignore(_MOVE) == 0 else wipe()

    def kill_bridges(self) -> Undo:
        """Kill each bridge when SQS has a message twice: in the overflow, and not yet deleted."""
        self._watch(
            lambda name, wire: partial(wire.watch_for, _DELETE, partial(self._kill, name, wire))
        )
        return lambda: self._ignore(_MOVE, _DELETE)

    def _kill(self, name: str, wire: Wire) -> None:
        wire.ignore(_MOVE, _DELETE)
        self.moves_cut += self._supervisor.kill(name)

    def _watch(self, act: Callable[[str, Wire], Callable[[], object]]) -> None:
        for name in BRIDGES:
            for wire in self._world.wiring.to(Server.SQS, name):
                wire.watch_for(_MOVE, act(name, wire), arrives=True)

    def _ignore(self, *patterns: bytes) -> int:
        """Watch no more; returns how many were still watched."""
        return sum(wire.ignore(*patterns) for wire in self._world.wiring.to(Server.SQS))
