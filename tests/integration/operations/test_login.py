"""Logging in to the admin: guesses, sessions and the second factor."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from relay.operations import login
from relay.operations.login import MAX_ATTEMPTS, WINDOW_SECONDS, set_up_login
from tests.integration.operations.conftest import a_member_of_staff

LOGIN = "/admin/login/"
DAY = 24 * 3600
WRONG = {"otp_token": "000000"}


def enter(client: Client, password: str, name: str = "staff", **more: str) -> bool:
    """Try to log in."""
    answer = client.post(LOGIN, {"username": name, "password": password} | more)
    return answer.status_code == 302


@pytest.fixture
def staff(db: None) -> Iterator[Any]:
    yield a_member_of_staff("view_dashboard")
    login._local.clear()


@pytest.mark.usefixtures("staff")
def test_after_five_guesses_even_the_password_is_not_checked(
    client: Client, wiped_redis: redis.Redis
) -> None:
    assert not any(enter(client, f"guess {number}") for number in range(MAX_ATTEMPTS))

    assert not enter(client, "x")
    (key,) = wiped_redis.keys("relay:login-attempts:*")
    assert "staff" not in str(key)
    assert 0 < int(wiped_redis.ttl(key)) <= WINDOW_SECONDS
    wiped_redis.delete(key)
    assert enter(client, "x")


@pytest.mark.usefixtures("staff")
def test_another_spelling_of_the_name_is_no_other_name(
    client: Client, wiped_redis: redis.Redis
) -> None:
    for number in range(MAX_ATTEMPTS):
        enter(client, "guess", ["staff", "STAFF", "Staff"][number % 3])

    assert not enter(client, "x")


@pytest.mark.usefixtures("staff")
def test_who_gets_in_starts_again(client: Client, wiped_redis: redis.Redis) -> None:
    for _ in range(3):
        for _ in range(MAX_ATTEMPTS - 1):
            enter(client, "guess")
        assert enter(client, "x")


@pytest.mark.usefixtures("staff")
def test_guesses_at_the_same_time_are_all_counted(wiped_redis: redis.Redis) -> None:
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(login._count_attempt, ["relay:login-attempts:a"] * 40))

    assert sorted(counts) == list(range(1, 41))


@pytest.mark.usefixtures("staff")
def test_without_redis_operators_get_in_and_guesses_are_counted(
    client: Client, settings: Any
) -> None:
    """The settings of tests lead to no Redis."""
    assert enter(client, "x")
    for _ in range(MAX_ATTEMPTS):
        enter(client, "guess")
    assert not enter(client, "x")


@pytest.mark.usefixtures("staff")
def test_a_session_lasts_a_day(client: Client, wiped_redis: redis.Redis) -> None:
    assert enter(client, "x")

    assert client.session.get_expiry_age() <= DAY
    assert client.cookies["sessionid"]["max-age"] == DAY
    assert client.cookies["sessionid"]["secure"]
    assert client.cookies["sessionid"]["httponly"]


# --- the second factor ---------------------------------------------------------------------------


@pytest.fixture
def demanded() -> Iterator[None]:
    set_up_login(admin.site, second_factor=True)
    yield
    admin.site.__class__ = AdminSite
    set_up_login(admin.site, second_factor=False)


def a_token(user: Any) -> dict[str, str]:
    device = TOTPDevice.objects.get(user=user)
    token = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift).token()
    return {"otp_token": f"{token:0{device.digits}}", "otp_device": device.persistent_id}


PAGES = ["/admin/", "/admin/dashboard/", "/admin/dead-letters/", "/emails/preview/"]


@pytest.mark.usefixtures("demanded")
@pytest.mark.parametrize("path", PAGES)
def test_who_has_shown_only_a_password_sees_nothing(
    client: Client, wiped_redis: redis.Redis, staff: Any, path: str
) -> None:
    client.force_login(staff)

    assert client.get(path).status_code == 302


@pytest.mark.usefixtures("demanded")
def test_password_and_token_together_let_in(
    client: Client, wiped_redis: redis.Redis, staff: Any
) -> None:
    url = StringIO()
    call_command("second_factor", "staff", stdout=url)

    assert url.getvalue().startswith("otpauth://totp/")
    assert not enter(client, "x")
    assert not enter(client, "x", **(a_token(staff) | WRONG))
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert enter(client, "x", **a_token(staff))
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/dashboard/").status_code == 200


@pytest.mark.usefixtures("demanded")
def test_tokens_are_counted_like_passwords(
    client: Client, wiped_redis: redis.Redis, staff: Any
) -> None:
    call_command("second_factor", "staff", stdout=StringIO())
    for _ in range(MAX_ATTEMPTS):
        enter(client, "x", **(a_token(staff) | WRONG))
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)

    assert not enter(client, "x", **a_token(staff))


def test_a_factor_can_be_taken_away_and_nobody_else_gets_one(staff: Any) -> None:
    call_command("second_factor", "staff", stdout=StringIO())
    call_command("second_factor", "staff", "--remove", stdout=StringIO())

    assert not TOTPDevice.objects.exists()
    with pytest.raises(CommandError, match="no user 'eve'"):
        call_command("second_factor", "eve")


def test_nobody_reads_others_factors_in_the_admin() -> None:
    admin.autodiscover()

    assert not admin.site.is_registered(TOTPDevice)
    assert django_settings.CONFIG.admin_second_factor is False
