"""Dead letters in a real Redis, as Dramatiq and our middleware leave them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis
from django.conf import settings

from bridge.ledger.dead_letters import DeadLetters
from relay.operations.dead_letters import handling
from tests.dead_letters import Bury, burying_in
from tests.environment import NOWHERE


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


def lead_to(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead the command and the pages to this Redis."""
    monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, redis_url=redis_url))
    handling.store.cache_clear()


def lead_to_no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead them to a Redis that is down."""
    lead_to(f"redis://{NOWHERE}/0", monkeypatch)
