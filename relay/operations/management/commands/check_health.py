"""`manage.py check_health ROLE`: a health check for containers and services.

Exits with 0 if a process of that role is alive on this host; otherwise with 1 and one line that
says what was found.
"""

import os
import socket
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import urllib3
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from bridge import health_file
from bridge.config import HealthConfig
from bridge.ledger.heartbeats import Heartbeats, Role
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.liveness import NoLiveProcess, check_heartbeats
from relay.operations.management.redis_away import redis_away
from runtime.env import SettingsError, load

_WEB = "web"
_WEB_SECONDS = 5
_WEB_RETRIES = urllib3.Retry(
    connect=0, read=0, other=0, redirect=3, respect_retry_after_header=False
)
"""Redirects are followed: a proxy may send HTTP to HTTPS. Nothing is asked twice."""


class Command(BaseCommand):
    """Report by the exit code whether a process of this host is alive."""

    help = __doc__
    requires_system_checks: list[str] = []  # noqa: RUF012 - declared so by Django

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("role", choices=[*map(str, Role), _WEB])
        parser.add_argument(
            "--url",
            default="http://127.0.0.1:8000",
            help="where the web process listens (default: %(default)s)",
        )

    def handle(self, *args: Any, role: str, url: str, **options: Any) -> None:
        """Check one role."""
        try:
            said = _check_web(url) if role == _WEB else _check(Role(role))
        except (NoLiveProcess, health_file.StaleHealthFile, SettingsError) as error:
            raise CommandError(str(error)) from error
        except RedisError as error:
            raise redis_away(error) from error
        self.stdout.write(said)


def _check(role: Role) -> str:
    if role is Role.BRIDGE:
        config = load(HealthConfig, os.environ)
        if config.health_path is not None:
            max_age = timedelta(seconds=config.health_max_age_seconds)
            age = health_file.check(config.health_path, datetime.now(UTC), max_age)
            return f"bridge: made progress {age.total_seconds():.0f} s ago"
    found = Heartbeats(fail_fast_redis(settings.CONFIG.redis_url)).find_all()
    return check_heartbeats(found, role, socket.gethostname())


def _check_web(url: str) -> str:
    """Request /__lbheartbeat__, whose answer depends only on what a restart would fix."""
    address = url.rstrip("/") + "/__lbheartbeat__"
    try:
        answer = urllib3.PoolManager().request(
            "GET", address, timeout=_WEB_SECONDS, retries=_WEB_RETRIES
        )
    except urllib3.exceptions.HTTPError as error:
        raise NoLiveProcess(f"web: {address} gives no answer: {error}") from error
    if answer.status != HTTPStatus.OK:
        raise NoLiveProcess(f"web: {address} answers {answer.status}")
    return f"web: {answer.status}"
