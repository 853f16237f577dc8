"""Probes for load balancers and deployments: is the web process up, does it work, which version is
it.

    /__lbheartbeat__   200, as long as the process answers at all
    /__heartbeat__     200, or 500 with what failed: the database, its migrations, Redis (which is
                       asked to write), a circuit breaker that is open; and the cause, as the
                       dashboard has it
    /__version__       source, version, commit and build, as JSON

They are answered before any other middleware: a probe uses plain HTTP, and names the host by its IP
address. No answer holds an error's text, which may quote a password.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from relay.config import RelayConfig
from relay.database.checks import MIGRATE
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.judgement.causes import Level
from relay.operations.judgement.database import ask_database
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.read import read_facts
from relay.operations.judgement.verdict import judge
from runtime.breakers import OpenBreaker

VERSION_FILE = "version.json"
_VERSION_FIELDS = ("source", "version", "commit", "build")

Answer = Callable[[], HttpResponse]


class Probes:
    """Django middleware; must come before all that looks at the host or the scheme."""

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
    facts = read_facts(fail_fast_redis(settings.CONFIG.redis_url), settings.CONFIG, ask_database)
    verdict = judge(facts)
    failures = {name: found for name, check in _CHECKS.items() if (found := check(facts))}
    body: dict[str, object] = {
        "status": "error" if failures or verdict.level is Level.BAD else "ok",
        "checks": {name: "error" if name in failures else "ok" for name in _CHECKS},
    }
    if failures:
        body["errors"] = failures
    if verdict.causes:
        body["causes"] = {
            one.cause: None if one.seconds is None else round(one.seconds) for one in verdict.causes
        }
    return JsonResponse(body, status=500 if body["status"] == "error" else 200)


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


def _unmigrated(names: Sequence[str]) -> str:
    return f"{', '.join(names)}: run `{MIGRATE}`" if names else ""


def _open_breakers(facts: Facts) -> str:
    return ", ".join(_described(one, facts.now) for one in facts.breakers)


def _described(breaker: OpenBreaker, now: float) -> str:
    seconds = max(0, now - breaker.since_ms / 1000)
    return f"{breaker.dependency} for {seconds:.0f} s: {breaker.code}"


_CHECKS: dict[str, Callable[[Facts], str | None]] = {
    "database": lambda facts: facts.database.says if facts.database else None,
    "migrations": lambda facts: _unmigrated(facts.unmigrated),
    "redis": lambda facts: f"{facts.redis.kind}: {facts.redis.says}" if facts.redis else None,
    "breakers": _open_breakers,
}
"""Each returns what is wrong in a few words; nothing if all is well."""

_ANSWERS: dict[str, Answer] = {
    "/__lbheartbeat__": _lbheartbeat,
    "/__heartbeat__": _heartbeat,
    "/__version__": _version,
}
