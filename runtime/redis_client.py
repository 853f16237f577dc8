"""Connections to Redis, set up alike in every process, and what Redis must be set to.

After a failover the old primary often lives on as a read-only replica, while the address of Redis
leads new connections to the new primary. Connections to the old one stay open and answer READONLY
to each write. So an answer that means "try elsewhere" counts as a broken connection: the call is
tried again on a new one, and the process's other connections are replaced before their next use.
"""

import re
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

_SOCKET_SECONDS = 5
_CONNECT_SECONDS = 3
_FAIL_FAST_SECONDS = 2

_MAX_CONNECTION_SECONDS = 60.0
"""How old a connection may get. One that only reads never learns of a failover."""

_TRY_ELSEWHERE = re.compile(
    r"(?:^|: -?)(?:READONLY|MASTERDOWN|LOADING|UNBLOCKED|CLUSTERDOWN|NOREPLICAS)\b"
)
"""As the code of an error, or quoted within another one: Redis 6.2 wraps the errors of a script's
commands (`ERR Error running script (…): @user_script:35: -READONLY …`), Redis 7 those that end a
transaction (`EXECABORT Transaction discarded because of: READONLY …`)."""

_REFUSED = re.compile(r"(?:^|: -?)(?:OOM|MISCONF)\b")
"""The same for what a Redis refuses that is full, or can't write to its disk."""

_TRY_ELSEWHERE_ERRORS = (
    redis.exceptions.ReadOnlyError,
    redis.exceptions.MasterDownError,
    redis.exceptions.ClusterDownError,
    redis.BusyLoadingError,
)
"""Those that redis-py knows; their text no longer has the code."""


class NotThePrimary(redis.ConnectionError):
    """The server takes no writes, but another one may; the text is its answer."""


def says_to_try_elsewhere(error: redis.RedisError) -> bool:
    """Tell whether an error means that another server may accept the command."""
    return isinstance(error, _TRY_ELSEWHERE_ERRORS) or bool(_TRY_ELSEWHERE.search(str(error)))


def refuses_for_now(error: redis.RedisError) -> bool:
    """Tell whether Redis may carry out the same command later: it is away, full, or not ready."""
    passing = (redis.ConnectionError, redis.TimeoutError, redis.exceptions.OutOfMemoryError)
    return isinstance(error, passing) or bool(_REFUSED.search(str(error)))


def failing_of(error: redis.RedisError) -> str:
    """Name how Redis fails: `away`, `full`, `read_only` or `refuses`."""
    text = str(error)
    if isinstance(error, redis.exceptions.OutOfMemoryError) or re.search(r"\bOOM\b", text):
        return "full"
    if isinstance(error, NotThePrimary) and not isinstance(error.__cause__, redis.BusyLoadingError):
        # redis-py leaves the code out of the text of errors that it knows.
        return "read_only"
    is_refusal = isinstance(
        error, redis.AuthenticationError | redis.exceptions.AuthorizationError
    ) or not isinstance(error, redis.ConnectionError | redis.TimeoutError)
    return "refuses" if is_refusal else "away"


_MOST_WORDS = 120
_CONNECTING = re.compile(r"^Error (?:-?\d+ )?connecting to \S+?\. ")
_OF_PIPELINE = re.compile(r"^Command # \d+ \(.*\) of pipeline caused error: ")
"""What redis-py puts before the words about a command of a pipeline: the command itself."""
_ARGUMENTS = re.compile(r",? with args beginning with:.*")
"""What Redis says after a command that it doesn't know."""


def words_of(error: redis.RedisError) -> str:
    """Return Redis's own words, or the system's, for a failure, without data of ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    for quoting in (_CONNECTING, _OF_PIPELINE, _ARGUMENTS):
        text = quoting.sub("", text)
    return text[:_MOST_WORDS].rstrip(".")


class _Failovers:
    """Counts the failovers that this process noticed. All of its connections share one address."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def note(self, count: int) -> None:
        """Note a failover, met by a connection made after `count` of them; each counts once."""
        with self._lock:
            if count == self.count:
                self.count += 1


_failovers = _Failovers()


class _Connection(AbstractConnection):
    """A connection that is replaced after a failover, and when it gets older than it may."""

    def __init__(self, *args: Any, max_age_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._max_age_seconds = max_age_seconds
        self._failovers_before = 0
        self._connected_at = 0.0
        self.register_connect_callback(self._note_connected)  # type: ignore[no-untyped-call]

    def connect(self) -> None:
        """Connect, unless connected already. The pool calls this each time it hands one out."""
        if self.is_connected and self._is_outdated():
            self.disconnect()  # type: ignore[no-untyped-call]
        try:
            super().connect()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            self._say_where(error)
            raise

    def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        """Send a command."""
        try:
            super().send_packed_command(*args, **kwargs)  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            self._say_where(error)
            raise

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Read the answer to a command."""
        try:
            return super().read_response(*args, **kwargs)
        except redis.RedisError as error:
            self._say_where(error)
            if not says_to_try_elsewhere(error):
                raise
            _failovers.note(self._failovers_before)
            self.disconnect()  # type: ignore[no-untyped-call]
            elsewhere = NotThePrimary(str(error))
            self._say_where(elsewhere)
            raise elsewhere from error

    def _say_where(self, error: redis.RedisError) -> None:
        """Give an error host and port, as `at`. Not a context manager: each call passes here."""
        of_us: Any = self
        vars(error).setdefault("at", f"{of_us.host}:{of_us.port}")

    def _note_connected(self, _: object) -> None:
        self._failovers_before = _failovers.count
        self._connected_at = time.monotonic()

    def _is_outdated(self) -> bool:
        return (
            self._failovers_before != _failovers.count
            or time.monotonic() - self._connected_at > self._max_age_seconds
        )


class _PlainConnection(_Connection, redis.Connection):
    pass


class _TlsConnection(_Connection, redis.SSLConnection):
    pass


def connect(redis_url: str, *, max_age_seconds: float = _MAX_CONNECTION_SECONDS) -> "redis.Redis":
    """Connect to Redis. Every call has a timeout, and one that timed out is retried.

    Dramatiq retries an acknowledgement after a ConnectionError but not after a TimeoutError, a
    separate class in redis-py. So the connection itself retries both.
    """
    return redis.Redis.from_url(
        redis_url,
        connection_class=_connection_class(redis_url),
        max_age_seconds=max_age_seconds,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ExponentialWithJitterBackoff(cap=1, base=0.05), retries=3),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
    )


def connect_fail_fast(redis_url: str) -> "redis.Redis":
    """Connect to Redis for interactive pages: a call fails within two seconds, without retries."""
    return redis.Redis.from_url(
        redis_url,
        connection_class=_connection_class(redis_url),
        max_age_seconds=_MAX_CONNECTION_SECONDS,
        socket_timeout=_FAIL_FAST_SECONDS,
        socket_connect_timeout=_FAIL_FAST_SECONDS,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(NoBackoff(), retries=0),
    )


def _connection_class(redis_url: str) -> type[_Connection]:
    return _TlsConnection if urlsplit(redis_url).scheme == "rediss" else _PlainConnection


class RedisUnusable(Exception):
    """Redis is available but set up in a way that loses mail; the text says how."""


def check_redis(client: "redis.Redis") -> None:
    """Raise `RedisUnusable` if Redis may evict keys when its memory runs short.

    A message whose key was evicted waits until its lifetime is over. Errors of Redis pass through.
    """
    memory: dict[str, object] = client.info("memory")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise RedisUnusable(f"Redis has maxmemory-policy {policy}: it must be noeviction")
