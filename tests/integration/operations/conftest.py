"""Operators' pages within this process: Django's test client, staff, and an empty Redis."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from relay.operations.fail_fast import fail_fast_redis


@pytest.fixture
def client() -> Client:
    """A test client that sends requests as HTTPS, as the settings require."""
    return Client(headers={"x-forwarded-proto": "https"})


@pytest.fixture
def wiped_redis(redis_url: str, settings: Any) -> Iterator[redis.Redis]:
    """An empty Redis; the settings point at it."""
    settings.CONFIG = dataclasses.replace(django_settings.CONFIG, redis_url=redis_url)
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    yield client
    fail_fast_redis.cache_clear()
    client.close()


def a_member_of_staff(*permissions: str) -> Any:
    """Create a member of staff with exactly these permissions."""
    user = get_user_model().objects.create_user("staff", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    return user
