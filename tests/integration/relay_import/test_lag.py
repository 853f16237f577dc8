"""How far `import_relay --follow` is behind: the gauge, from the rounds to what is published."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import redis
from django.conf import settings
from django.core.management import call_command

from emails.relay_import.follow import Position, follow_once
from emails.relay_import.lag import find_caught_up_at
from emails.relay_import.setup import settings_of
from emails.relay_import.source import Source, SourceUnavailable
from relay.operations import import_gauges
from relay.operations.read_gauges import read_gauges
from runtime.redis_client import connect
from tests.integration.relay_import.conftest import now
from tools.local.firefox_relay import FirefoxRelay

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("config")]

NAME = "relay_import_lag_seconds"


@pytest.fixture
def empty_redis(redis_url: str) -> Iterator[redis.Redis]:
    """An empty Redis, where gauges are kept."""
    client = connect(redis_url)
    client.flushdb()
    yield client
    client.close()


def published(client: redis.Redis) -> list[float]:
    """What the gauges' job publishes, once it has read our database."""
    import_gauges.keep(client, find_caught_up_at())
    return [gauge.value for gauge in read_gauges(client, settings.CONFIG) if gauge.name == NAME]


def behind_at(client: redis.Redis, when: datetime) -> list[float]:
    return [gauge.value for gauge in import_gauges.find(client, int(when.timestamp() * 1000))]


def test_it_is_there_once_somebody_follows(
    website: FirefoxRelay, source: Source, empty_redis: redis.Redis
) -> None:
    website.add_mask(website.add_owner("ann@home.example"), "shop")
    assert published(empty_redis) == []
    call_command("import_relay")
    assert published(empty_redis) == []  # an import alone follows nothing

    follow_once(source, settings_of(settings.CONFIG, now()), Position())

    (behind,) = published(empty_redis)
    assert 0 <= behind < 60


def test_it_grows_from_the_beginning_of_the_last_round_that_was_whole(
    website: FirefoxRelay, source: Source, empty_redis: redis.Redis
) -> None:
    call_command("import_relay")
    position = Position()
    follow_once(source, settings_of(settings.CONFIG, now()), position)
    caught_up = find_caught_up_at()
    assert caught_up is not None

    website.close()
    source.close()
    gone = Source("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(SourceUnavailable):
        follow_once(gone, settings_of(settings.CONFIG, now()), position)
    published(empty_redis)

    assert find_caught_up_at() == caught_up
    later = datetime.fromtimestamp(caught_up.timestamp() + 90, UTC)
    assert behind_at(empty_redis, later) == [pytest.approx(90, abs=0.01)]
    # By a clock that is behind the source's it is nothing, not less.
    assert behind_at(empty_redis, datetime.fromtimestamp(caught_up.timestamp() - 5, UTC)) == [0]


def test_it_ends_when_the_job_that_reads_our_database_does(empty_redis: redis.Redis) -> None:
    import_gauges.keep(empty_redis, now())

    assert 0 < int(str(empty_redis.ttl("relay:import-caught-up"))) <= 600
