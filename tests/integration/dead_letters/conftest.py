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
    """The dead letters, for the command and the pages as well."""
    lead_to(redis_url, monkeypatch)
    yield handling.store()
    handling.store.cache_clear()


@pytest.fixture
def bury(client: redis.Redis, store: DeadLetters) -> Bury:
    """Lay a dead letter into its queue's; gives its id."""
    return burying_in(client)


@pytest.fixture
def log_in(store: DeadLetters) -> LogIn:
    """Log somebody of the staff in, with these permissions."""

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
    """Somebody who may do everything with dead letters."""
    return log_in("view", "requeue", "delete", "reveal")


def text(page: Any) -> str:
    """Return a page's content; the page must have been answered with 200."""
    assert page.status_code == 200
    content: str = page.content.decode()
    return content


def lead_to(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead the command and the pages to this Redis."""
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, redis_url=redis_url))
    handling.store.cache_clear()


def lead_to_no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead them to a Redis that is down."""
    lead_to(f"redis://{NOWHERE}/0", monkeypatch)
