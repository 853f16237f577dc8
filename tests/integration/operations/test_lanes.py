"""`manage.py lanes`: operators learn whose mail fills the relay, and no address."""

import io
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from bridge.ledger import keys
from bridge.sns.lanes import LaneNames
from emails.models import Profile, RandomMask
from relay.operations.lanes.handling import IN_FLIGHT_GOES_ON
from tests.integration.operations.conftest import a_member_of_staff

pytestmark = pytest.mark.django_db


LANE, OTHER = "3f1c9a0b7d2e485601", "91d7c2ab04f3e6d85a"
PAGE = "/admin/lanes/"


def listed(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("lanes", *arguments, stdout=out)
    assert "@" not in out.getvalue()
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


@pytest.fixture
def ann() -> Profile:
    user: Any = get_user_model().objects.create_user("ann", "Ann@home.example")
    profile, _ = Profile.objects.get_or_create(user=user)
    profile.subdomain = "ann"
    profile.save()
    return profile


def test_the_busiest_lanes_come_first_and_are_named_by_row(
    wiped_redis: redis.Redis, ann: Profile
) -> None:
    config = settings.CONFIG
    domain = config.mask_domains[0]
    mask = RandomMask.objects.create(profile=ann, local="x7k2", domain=domain)
    names = LaneNames.under(config.ledger_secrets, config.mask_domains, config.replies_address)
    (of_mask,) = names.of([f"X7K2+tag@{domain}"], "").names
    (of_name,) = names.of([f"shop@ann.{domain}"], "").names
    (of_replies,) = names.of([config.replies_address], "ann@home.example").names
    (of_nobody,) = names.of([f"nobody@{domain}"], "").names
    wiped_redis.zadd(keys.LANES, {of_mask: 30, of_name: 2, of_replies: 1, of_nobody: 3})
    wiped_redis.zadd(keys.LANES_BEHIND, {of_mask: 400})

    assert listed()[1:] == [
        f"{of_mask} 30 400 mask {mask.pk} of owner {ann.pk}",
        f"{of_nobody} 3 0 unknown",
        f"{of_name} 2 0 name of owner {ann.pk}",
        f"{of_replies} 1 0 replies of owner {ann.pk}",
    ]


def test_when_all_is_quiet_it_says_so(wiped_redis: redis.Redis) -> None:
    assert listed() == ["No mail is in flight."]


def test_a_name_from_the_log_is_resolved_though_nothing_of_it_is_in_flight(
    wiped_redis: redis.Redis, ann: Profile
) -> None:
    config = settings.CONFIG
    names = LaneNames.under(config.ledger_secrets, config.mask_domains, config.replies_address)
    name = names.name("ann@home.example")
    assert listed(name, LANE)[1:] == [
        f"{name} 0 0 replies of owner {ann.pk}",
        f"{LANE} 0 0 unknown",
    ]


def test_a_released_lane_says_so_until_its_release_ends(wiped_redis: redis.Redis) -> None:
    assert listed(LANE, "--release", "2")[1] == f"{LANE} 0 0 unknown, released for 7200 s"
    assert listed(OTHER)[1] == f"{OTHER} 0 0 unknown"
    assert listed(LANE, "--release", "0")[1] == f"{LANE} 0 0 unknown"


def test_releasing_a_lane_says_that_its_mail_in_flight_stays_where_it_is(
    wiped_redis: redis.Redis,
) -> None:
    wiped_redis.zadd(keys.LANES, {LANE: 7})
    assert listed(LANE, "--release", "2")[2:] == [IN_FLIGHT_GOES_ON]
    assert listed(LANE, "--release", "0")[2:] == listed(LANE)[2:] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop@masks.example"], "is no lane: a lane's name has 18 digits"),
        ([LANE, "--release", "73"], "released for up to 72 hours, not for 73"),
        (["--release", "1"], "needs the names of lanes"),
    ],
)
def test_what_is_wrong_is_said(wiped_redis: redis.Redis, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        listed(*arguments)


def test_the_page_lists_lanes_and_releases_one(wiped_redis: redis.Redis, client: Client) -> None:
    wiped_redis.zadd(keys.LANES_BEHIND, {LANE: 400, OTHER: 1})
    client.force_login(a_member_of_staff("view_control", "change_control"))
    page = client.get(PAGE).text
    assert page.index(LANE) < page.index(OTHER)
    assert "<td>400</td>" in page

    page = client.post(f"{PAGE}release/", {"lane": LANE, "hours": "6"}, follow=True).text
    assert f"Mail of lane {LANE} goes before other mail for 6 h." in page
    assert "End it" in page
    page = client.post(f"{PAGE}release/", {"lane": LANE, "hours": "0"}, follow=True).text
    assert "has its share again" in page
    assert "End it" not in page


def test_the_page_shows_one_lane_and_says_what_is_no_lane(
    wiped_redis: redis.Redis, client: Client
) -> None:
    wiped_redis.zadd(keys.LANES, {LANE: 3, OTHER: 1})
    client.force_login(a_member_of_staff("view_control"))
    page = client.get(PAGE, {"lane": OTHER}).text
    assert (OTHER in page, LANE in page, "button" in page) == (True, False, True)
    assert "is no lane" in client.get(PAGE, {"lane": "ann@home.example"}).text
    assert f"{PAGE}release/" not in client.get(PAGE).text


@pytest.mark.parametrize("hours", ["", "-1", "soon", "1000", "9" * 5000], ids=len)
def test_the_page_refuses_other_times(wiped_redis: redis.Redis, client: Client, hours: str) -> None:
    client.force_login(a_member_of_staff("view_control", "change_control"))
    client.post(f"{PAGE}release/", {"lane": LANE, "hours": hours})
    assert wiped_redis.keys("relay:lane-released:*") == []


def test_the_page_asks_for_permission(wiped_redis: redis.Redis, client: Client) -> None:
    user = a_member_of_staff()
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}release/", {"lane": LANE, "hours": "1"}).status_code == 403
