"""Heartbeats: which processes are alive, and which were killed or hang.

A process writes its heartbeat when it makes progress and removes it when it ends in order. So a
heartbeat without a recent beat belongs to a process that was killed or hangs. A beat's age comes
from its expiry in Redis, so the hosts' clocks need not agree.

    relay:heartbeats              sorted set: the names of all heartbeats, by when they expire
    relay:heartbeat:ROLE:HOST:PID JSON
"""

import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from redis import Redis

_INDEX = "relay:heartbeats"
_PREFIX = "relay:heartbeat:"

_REMEMBERED_MS = 15 * 60 * 1000
"""How long a heartbeat outlives its limit, so that operators see which process fell silent."""


class Role(StrEnum):
    """The kinds of process."""

    BRIDGE = "bridge"
    WORKER = "worker"
    SCHEDULER = "scheduler"


@dataclass(frozen=True, slots=True)
class Process:
    """A process with a heartbeat. It counts as alive for `limit_seconds` after each beat."""

    role: Role
    limit_seconds: int
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    started: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """Its unique name."""
        return f"{self.role}:{self.host}:{self.pid}"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A process's last beat: how long ago it was, and the process's totals at that time.

    Of a bridge, `oldest_ms` is when SES received the oldest mail that it has and that is not
    settled, in milliseconds since 1970; None if it has none.
    """

    process: Process
    age_seconds: float
    totals: Mapping[str, int]
    oldest_ms: int | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the last beat is recent enough."""
        return self.age_seconds <= self.process.limit_seconds


class Heartbeats:
    """The heartbeats in Redis. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis") -> None:
        self._redis = client

    def beat(
        self,
        process: Process,
        totals: Mapping[str, int] | None = None,
        oldest_ms: int | None = None,
    ) -> None:
        """Write the process's heartbeat, replacing its last one."""
        kept_ms, now_ms = _kept_ms(process), int(time.time() * 1000)
        beat = {"process": asdict(process), "totals": dict(totals or {}), "oldest_ms": oldest_ms}
        text = json.dumps(beat)
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(_PREFIX + process.name, text, px=kept_ms)
            pipeline.zadd(_INDEX, {process.name: now_ms + kept_ms})
            # This removes only names; the heartbeats expire by themselves. So a host's clock may be
            # wrong by less than the time that names are kept.
            pipeline.zremrangebyscore(_INDEX, "-inf", now_ms - _REMEMBERED_MS)
            pipeline.execute()

    def leave(self, process: Process) -> None:
        """Remove the heartbeat: the process ends in order."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.delete(_PREFIX + process.name)
            pipeline.zrem(_INDEX, process.name)
            pipeline.execute()

    def find_all(self) -> list[Heartbeat]:
        """Find all heartbeats, of live and of silent processes, by name."""
        names = cast("list[bytes]", self._redis.zrange(_INDEX, 0, -1))
        with self._redis.pipeline(transaction=False) as pipeline:
            for name in sorted(names):
                pipeline.get(_PREFIX + name.decode())
                pipeline.pttl(_PREFIX + name.decode())
            replies = pipeline.execute()
        pairs = zip(replies[::2], replies[1::2], strict=True)
        return [_read(text, left_ms) for text, left_ms in pairs if text is not None]


def _kept_ms(process: Process) -> int:
    return process.limit_seconds * 1000 + _REMEMBERED_MS


def _read(text: bytes, left_ms: int) -> Heartbeat:
    data = json.loads(text)
    data["process"]["role"] = Role(data["process"]["role"])
    process = Process(**data["process"])
    age_seconds = max(0, _kept_ms(process) - left_ms) / 1000
    return Heartbeat(process, age_seconds, data["totals"], data.get("oldest_ms"))
