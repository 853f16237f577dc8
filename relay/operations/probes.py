"""Probes for load balancers and deployments: is the web process up, does it work, which version is
it.

    /__lbheartbeat__   200, as long as the process answers at all
    /__heartbeat__     200, or 500 with the check that failed: the database, Redis, or a circuit
                       breaker that is open: since when, and the error's code
    /__version__       source, version, commit and build, as JSON

They are answered before any other middleware: a probe uses plain HTTP, and names the host by its IP
address. No answer holds an error's text, which may quote a password.
"""

import json
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from redis.exceptions import RedisError

from relay.config import RelayConfig
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.open_breakers import open_breakers
from runtime.breakers import OpenBreaker

VERSION_FILE = "version.json"
_VERSION_FIELDS = ("source", "version", "commit", "build")

Answer = Callable[[], HttpResponse]


class Probes:
    """Django middleware; must come first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, or pass the request on."""
        answer = _ANSWERS.get(request.path)
        if answer is None:
            return self._get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = answer()
        response["Cache-Control"] = "no-store"
        return response


def _lbheartbeat() -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


def _heartbeat() -> HttpResponse:
    failures = {name: found for name, check in _CHECKS.items() if (found := check()) is not None}
    body: dict[str, object] = {
        "status": "error" if failures else "ok",
        "checks": {name: "error" if name in failures else "ok" for name in _CHECKS},
    }
    if failures:
        body["errors"] = failures
    return JsonResponse(body, status=500 if failures else 200)


def _version() -> HttpResponse:
    return JsonResponse(version_of(settings.CONFIG, settings.BASE_DIR / VERSION_FILE))


def version_of(config: RelayConfig, file: Path) -> dict[str, str]:
    """Return what runs here: from the build's file, if there is one; the rest from settings."""
    written = _read(file)
    configured = {
        "source": config.version_source,
        "version": config.version or metadata.version("sqs-mail-relay"),
        "commit": config.version_commit,
        "build": config.version_build,
    }
    return {name: str(written.get(name) or configured[name] or "") for name in _VERSION_FIELDS}


def _read(file: Path) -> Mapping[str, object]:
    try:
        read = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _database_failure() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return type(error).__name__
    return None


def _redis_failure() -> str | None:
    try:
        fail_fast_redis(settings.CONFIG.redis_url).ping()
    except RedisError as error:
        return type(error).__name__
    return None


def _open_breakers() -> str | None:
    client = fail_fast_redis(settings.CONFIG.redis_url)
    found = open_breakers.find(client, int(time.time() * 1000))
    return ", ".join(map(_described, found)) or None


def _described(breaker: OpenBreaker) -> str:
    seconds = max(0, time.time() - breaker.since_ms / 1000)
    return f"{breaker.dependency} for {seconds:.0f} s: {breaker.code}"


_CHECKS: dict[str, Callable[[], str | None]] = {
    "database": _database_failure,
    "redis": _redis_failure,
    "breakers": _open_breakers,
}
"""Each returns what is wrong in a few words, or None."""

_ANSWERS: dict[str, Answer] = {
    "/__lbheartbeat__": _lbheartbeat,
    "/__heartbeat__": _heartbeat,
    "/__version__": _version,
}
