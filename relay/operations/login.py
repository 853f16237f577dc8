"""Logging in to the admin: guessing is slowed down, and a second factor can be demanded.

An attempt is counted before the password is checked, so that many at once gain nothing; one that
succeeds clears the count. Only the name is counted, as a keyed hash: behind a proxy everybody has
one address. Somebody who knows a name can so keep its owner out for a quarter of an hour; sessions
go on.

Counts are in Redis. Without it each process counts by itself: operators must get in just then.
"""

import hmac
import time
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.http import HttpRequest
from django_otp.admin import OTPAdminAuthenticationForm, OTPAdminSite
from redis.exceptions import RedisError

from relay.operations.fail_fast import fail_fast_redis
from runtime.derived_keys import derived_key

MAX_ATTEMPTS = 5
WINDOW_SECONDS = 900

_MAX_LOCAL = 10_000
_local: dict[str, tuple[int, float]] = {}


class _Throttled(forms.Form):
    """Refuses to check the password of a name that was tried too often."""

    def clean(self) -> Any:
        """Check name and password, unless the name must wait."""
        key = _key_of(str(self.cleaned_data.get("username", "")))
        if _count_attempt(key) > MAX_ATTEMPTS:
            raise forms.ValidationError(
                f"Too many attempts with this name. Wait {WINDOW_SECONDS // 60} minutes.",
                code="throttled",
            )
        cleaned = super().clean()
        _forget(key)
        return cleaned


class LoginForm(_Throttled, AdminAuthenticationForm):
    """Name and password."""


class SecondFactorLoginForm(_Throttled, OTPAdminAuthenticationForm):  # type: ignore[misc]
    """Name, password, and a token of one of the user's devices."""


class SecondFactorSite(OTPAdminSite):  # type: ignore[misc]
    """An admin that admits only who has shown a second factor in this session."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether this is a member of staff with a verified device."""
        return bool(super().has_permission(request))


def set_up_login(site: AdminSite, *, second_factor: bool) -> None:
    """Make a site's login ours."""
    if second_factor:
        site.__class__ = SecondFactorSite
    site.login_form = SecondFactorLoginForm if second_factor else LoginForm


def _key_of(name: str) -> str:
    key = derived_key(settings.SECRET_KEY.encode(), b"login attempts 1", 32)
    digest = hmac.digest(key, name.casefold().encode(errors="replace"), "sha256")
    return f"relay:login-attempts:{digest.hex()}"


def _count_attempt(key: str) -> int:
    try:
        with fail_fast_redis(settings.CONFIG.redis_url).pipeline() as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, WINDOW_SECONDS)
            return int(pipeline.execute()[0])
    except RedisError:
        return _count_locally(key)


def _count_locally(key: str) -> int:
    now = time.monotonic()
    if len(_local) >= _MAX_LOCAL:
        _local.clear()
    count, until = _local.get(key, (0, now + WINDOW_SECONDS))
    count, until = (count + 1, until) if now < until else (1, now + WINDOW_SECONDS)
    _local[key] = (count, until)
    return count


def _forget(key: str) -> None:
    _local.pop(key, None)
    try:
        fail_fast_redis(settings.CONFIG.redis_url).delete(key)
    except RedisError:
        return
