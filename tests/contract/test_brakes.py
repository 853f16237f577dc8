"""The stand-in for the counts of answers behaves as those in Redis do."""

from datetime import timedelta
from typing import cast

import pytest
import redis

from emails.edges.brake import WINDOW_SECONDS, RedisBrake
from emails.edges.ports import Brake
from runtime.redis_client import connect_fail_fast
from tests.contract.conftest import PLAYED_BY_REDIS, an_empty_redis
from tests.environment import NOWHERE
from tests.fakes import FakeBrake
from tests.unit.emails.builders import NOW


@pytest.fixture(params=["stand-in", *PLAYED_BY_REDIS])
def brake(request: pytest.FixtureRequest) -> Brake:
    """A brake that has counted nothing."""
    if request.param == "stand-in":
        return FakeBrake()
    return RedisBrake(an_empty_redis(request.param, request))


def test_each_delivery_finds_those_before_it(brake: Brake) -> None:
    found = [brake.find_earlier("mask", "bob", f"{one}-0", NOW) for one in range(1, 5)]

    assert found == [0, 1, 2, 3]


def test_a_delivery_that_is_tried_again_counts_once(brake: Brake) -> None:
    assert [brake.find_earlier("mask", "bob", one, NOW) for one in "abaab"] == [0, 1, 0, 0, 1]


def test_a_delivery_keeps_its_place_when_it_is_tried_again(brake: Brake) -> None:
    for second, one in enumerate("ab"):
        brake.find_earlier("mask", "bob", one, NOW + timedelta(seconds=second))

    assert brake.find_earlier("mask", "bob", "a", NOW + timedelta(seconds=2)) == 0


def test_masks_and_correspondents_are_counted_apart(brake: Brake) -> None:
    assert brake.find_earlier("mask", "bob", "a", NOW) == 0
    assert brake.find_earlier("mask", "cid", "b", NOW) == 0
    assert brake.find_earlier("other", "bob", "c", NOW) == 0
    assert brake.find_earlier("mask", "bob", "d", NOW) == 1


def test_after_an_hour_a_delivery_is_forgotten(brake: Brake) -> None:
    hour = timedelta(seconds=WINDOW_SECONDS)
    brake.find_earlier("mask", "bob", "a", NOW)
    brake.find_earlier("mask", "bob", "b", NOW + hour / 2)

    assert brake.find_earlier("mask", "bob", "c", NOW + hour - timedelta(seconds=1)) == 2
    assert brake.find_earlier("mask", "bob", "d", NOW + hour) == 2
    assert brake.find_earlier("mask", "bob", "e", NOW + 3 * hour) == 0


@pytest.mark.parametrize("played_by", PLAYED_BY_REDIS)
def test_nothing_stays_in_redis_for_longer(request: pytest.FixtureRequest, played_by: str) -> None:
    client: redis.Redis = an_empty_redis(played_by, request)
    RedisBrake(client).find_earlier("mask", "bob", "a", NOW)

    (key,) = cast("list[bytes]", client.keys())
    assert key.startswith(b"relay:")
    assert 0 < client.ttl(key) <= WINDOW_SECONDS


def test_without_redis_no_mail_is_stopped() -> None:
    away = RedisBrake(connect_fail_fast(f"redis://{NOWHERE}/0"))

    assert away.find_earlier("mask", "bob", "a", NOW) == 0
