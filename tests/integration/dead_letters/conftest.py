"""Dead letters in a real Redis, as Dramatiq and our middleware leave them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from bridge.ledger.dead_letters import DeadLetters
from relay.operations.dead_letters import handling
from tests.dead_letters import Bury, burying_in
from tests.environment import NOWHERE

LIST = "/admin/dead-letters/"
ACT = f"{LIST}act/"

LogIn = Callable[..., Client]


@pytest.fixture
def store(
    client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DeadLetters]:
    """The dead letters, as the command and the pages see them."""
    lead_to(redis_url, monkeypatch)
    yield handling.store()
    handling.store.cache_clear()


@pytest.fixture
def bury(client: redis.Redis, store: DeadLetters) -> Bury:
    """Return a function that adds a dead letter and returns its id."""
    return burying_in(client)


@pytest.fixture
def log_in(store: DeadLetters) -> LogIn:
    """Return a function that logs in a member of staff with the given permissions."""

    def enter(*names: str, is_staff: bool = True, checks_csrf: bool = False) -> Client:
        user = get_user_model().objects.create_user("staff", is_staff=is_staff)
        codenames = [f"{name}_dead_letter" for name in names]
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client(headers={"x-forwarded-proto": "https"}, enforce_csrf_checks=checks_csrf)
        client.force_login(user)
        return client

    return enter


@pytest.fixture
def staff(log_in: LogIn) -> Client:
    """A client with all dead-letter permissions."""
    return log_in("view", "requeue", "delete", "reveal")


def text(page: Any) -> str:
    """Return a page's content; its status must be 200."""
    assert page.status_code == 200
    content: str = page.content.decode()
    return content


def lead_to(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the command and the pages at this Redis."""
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, redis_url=redis_url))
    handling.store.cache_clear()


def lead_to_no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point them at a Redis that is down."""
    lead_to(f"redis://{NOWHERE}/0", monkeypatch)
