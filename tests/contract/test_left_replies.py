"""How often a reply is left to the other system on a shared queue: counted in Redis, each alone."""

import pytest
import redis

from emails.edges.left_replies import LeftReplies
from tests.environment import NOWHERE

TWO_DAYS = 2 * 24 * 3600


@pytest.mark.parametrize("most", [0, 1, 3])
def test_a_reply_goes_back_as_often_as_allowed_and_then_never(
    redis_client: redis.Redis, most: int
) -> None:
    left = LeftReplies(redis_client, most)

    assert [left.may_leave("one") for _ in range(most + 2)] == [True] * most + [False] * 2


def test_each_reply_is_counted_alone_and_by_all_workers_together(
    redis_client: redis.Redis,
) -> None:
    one_worker, another = LeftReplies(redis_client, 2), LeftReplies(redis_client, 2)

    assert [one_worker.may_leave("one"), another.may_leave("one")] == [True, True]
    assert not one_worker.may_leave("one")
    assert another.may_leave("two")


def test_a_count_is_kept_for_two_days_after_the_last_time(redis_client: redis.Redis) -> None:
    left = LeftReplies(redis_client, 5)
    left.may_leave("one")
    redis_client.expire("relay:left:one", 10)

    left.may_leave("one")

    kept = redis_client.ttl("relay:left:one")
    assert TWO_DAYS - 60 <= kept <= TWO_DAYS


def test_without_redis_a_reply_goes_back(unreachable: redis.Redis) -> None:
    """Nothing can be acknowledged then, either, and SQS delivers it again."""
    assert LeftReplies(unreachable, 1).may_leave("one")


@pytest.fixture
def unreachable() -> redis.Redis:
    """A client of a Redis that is not there."""
    return redis.Redis.from_url(f"redis://{NOWHERE}/0")
