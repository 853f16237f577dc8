"""TCP proxies between processes and servers: each can be cut, slow, silent, or lose answers.

Our code and the servers run unchanged: what fails is what lies between them.

One thread runs all wires in its event loop and owns their state; other threads only post changes.
"""

import asyncio
import contextlib
import functools
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

Target = int | Path
"""A server: its loopback port, or its Unix socket."""

_HOST = "127.0.0.1"
_CHUNK_BYTES = 65536
_NO_LINGER = struct.pack("ii", 1, 0)
"""With this, a closed socket sends RST instead of FIN, as a firewall or a dead host does."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a wire."""

    is_refused: bool = False
    """New connections are reset, as if nobody listened."""
    is_silent: bool = False
    """Connections are accepted, and nothing passes until the end of the trouble."""
    loses_answers: bool = False
    """Servers get everything and act, and no answer arrives."""
    delay_seconds: float = 0
    idle_seconds: float | None = None
    """A connection that was idle for longer is reset at its next use, as behind a NAT."""


NONE = Trouble()


@dataclass(eq=False, slots=True)
class _Connection:
    client: StreamWriter
    server: StreamWriter
    target: Target
    used_at: float = 0
    has_lost_bytes: bool = False

    def reset(self) -> None:
        for end in (self.client, self.server):
            _reset(end)


@dataclass(frozen=True, slots=True)
class _Watch:
    act: Callable[[], object]
    arrives: bool


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="wires", daemon=True).start()
    return loop


@dataclass(eq=False)
class Wire:
    """One wire; its `url` replaces the server's."""

    target: Target
    port: int = 0
    _trouble: Trouble = NONE
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: set[_Connection] = field(default_factory=set)
    _watched: dict[bytes, "_Watch"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        starting = asyncio.start_server(self._accept, _HOST, 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, _loop()).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    def url(self, behind: str) -> str:
        """Return a server's URL with the wire's address in it."""
        parts = urlsplit(behind)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}{_HOST}:{self.port}"))

    def suffer(self, trouble: Trouble) -> None:
        """Be in this trouble from now on; `NONE` ends all. Connections that lost bytes are cut."""
        _do(lambda: self._change(trouble))

    def cut(self) -> None:
        """Reset the open connections. New ones are accepted as before."""
        _do(self._reset_all)

    def watch_for(
        self, pattern: bytes, act: Callable[[], object], *, arrives: bool = False
    ) -> None:
        """Call `act` for each request with these bytes, in a thread; the request is swallowed.

        If it `arrives`, `act` is called at once, before it is sent on: it must be quick.
        """
        self._watched[pattern] = _Watch(act, arrives)

    def ignore(self, *patterns: bytes) -> int:
        """Watch for these no more; returns how many of them were watched."""
        return sum(self._watched.pop(pattern, None) is not None for pattern in patterns)

    def lead_to(self, target: Target) -> None:
        """Lead new connections to another server. Open ones stay where they are."""
        self.target = target

    def connections_to(self, target: Target) -> int:
        """Count the open connections to a server."""
        return sum(one.target == target for one in list(self._connections))

    def close(self) -> None:
        """Reset everything, and accept no more."""
        _do(self._server.close)
        self.cut()

    def _change(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._changed.set()
        self._changed = asyncio.Event()
        if trouble.loses_answers:
            return
        for one in list(self._connections):
            if one.has_lost_bytes:
                one.reset()

    def _reset_all(self) -> None:
        for one in list(self._connections):
            one.reset()

    async def _accept(self, reader: StreamReader, client: StreamWriter) -> None:
        target = self.target
        try:
            if self._trouble.is_refused:
                raise ConnectionRefusedError
            answers, server = await _connected(target)
        except OSError:
            _reset(client)
            return
        one = _Connection(client, server, target, _loop().time())
        self._connections.add(one)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(one, reader, server, is_answer=False))
                pumps.create_task(self._pump(one, answers, client, is_answer=True))
        finally:
            one.reset()
            self._connections.discard(one)

    async def _pump(
        self, one: _Connection, source: StreamReader, sink: StreamWriter, *, is_answer: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK_BYTES):
                if self._has_forgotten(one) or (not is_answer and self._is_watched(data)):
                    break
                if await self._passes(one, is_answer=is_answer):
                    sink.write(data)
                    await sink.drain()
                one.used_at = _loop().time()
        # What has been written still arrives; the other pump ends by its own end of file.
        one.client.close()
        one.server.close()

    def _is_watched(self, data: bytes) -> bool:
        """Tell those who watch; returns whether the request is to be swallowed."""
        found = [watch for pattern, watch in list(self._watched.items()) if pattern in data]
        for watch in found:
            if watch.arrives:
                watch.act()
            else:
                threading.Thread(target=watch.act, daemon=True).start()
        return not all(watch.arrives for watch in found)

    def _has_forgotten(self, one: _Connection) -> bool:
        idle_seconds = self._trouble.idle_seconds
        forgotten = idle_seconds is not None and _loop().time() - one.used_at > idle_seconds
        if forgotten:
            one.reset()
        return forgotten

    async def _passes(self, one: _Connection, *, is_answer: bool) -> bool:
        """Wait for delay and silence to end; returns whether the bytes may pass then."""
        if self._trouble.delay_seconds:
            await asyncio.sleep(self._trouble.delay_seconds)
        while self._trouble.is_silent:
            await self._changed.wait()
        if is_answer and self._trouble.loses_answers:
            one.has_lost_bytes = True
        return not (is_answer and one.has_lost_bytes)


async def _connected(target: Target) -> tuple[StreamReader, StreamWriter]:
    if isinstance(target, Path):
        return await asyncio.open_unix_connection(target)
    return await asyncio.open_connection(_HOST, target)


def _reset(end: StreamWriter) -> None:
    found = end.get_extra_info("socket")
    if found is not None and found.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    end.transport.abort()


def _do(change: Callable[[], object]) -> None:
    """Do this in the loop's thread, and wait for it."""
    done = threading.Event()

    def act() -> None:
        change()
        done.set()

    _loop().call_soon_threadsafe(act)
    done.wait(10)
