"""The pages of dead letters whose Redis somebody else wrote to: they show what is there."""

import json

import pytest
import redis
from django.test import Client

from bridge.ledger import keys
from tests.dead_letters import Bury
from tests.integration.dead_letters.conftest import ACT, LIST
from tests.unit.operations.builders import stored

pytestmark = pytest.mark.django_db

KEY = keys.dead_letters("inbound")


def plant(client: redis.Redis, name: bytes, message: bytes, died_at: str = "1900000000000") -> None:
    client.zadd(KEY, {name: float(died_at)})
    client.hset(keys.messages_of(KEY), name, message)


@pytest.mark.parametrize(
    ("name", "died_at"),
    [
        (b"a/../b", "1"),
        (b"\xff\xfe", "1"),
        (b"", "1"),
        (b"a\0b", "1"),
        (b"x" * 1_000, "1"),
        (b"later", "inf"),
        (b"earlier", "-inf"),
        (b"late", "1e300"),
        (b"<script>", "0.5"),
    ],
)
def test_the_list_shows_ids_and_times_that_are_not_ours(
    client: redis.Redis, bury: Bury, staff: Client, name: bytes, died_at: str
) -> None:
    ours = bury()
    plant(client, name, stored(), died_at)
    client.set(b"relay:dead-letter-reason:" + name, b"\xff")

    page = staff.get(LIST)

    assert page.status_code == 200
    assert ours in page.content.decode()
    assert "<script>" not in page.content.decode()


@pytest.mark.parametrize(
    "message",
    [
        b"\xff",
        json.dumps(json.loads(stored()) | {"actor_name": "\ud800", "message_timestamp": 10**30}),
        stored(dead_letter={"traceback": 7, "attempts": "x", "error_type": "\ud800"}),
        stored(requeues="many", sent_at_ms=10**40),
        stored().replace(b"sqs-1", b"\\ud800"),
        stored(notification='{"mail": "\\ud800"}'),
        stored(notification='{"mail": ' * 900 + "1" + "}" * 900),
    ],
)
def test_each_page_shows_what_can_be_shown(
    client: redis.Redis, bury: Bury, staff: Client, message: bytes | str
) -> None:
    bury()
    plant(client, b"dead-1", message if isinstance(message, bytes) else message.encode())

    assert staff.get(LIST).status_code == 200
    assert staff.get(f"{LIST}dead-1/").status_code == 200
    assert staff.post(f"{LIST}dead-1/reveal/").status_code == 200
    done = staff.post(ACT, {"action": "delete", "id": ["dead-1"], "confirmed": "1"})
    assert done.status_code == 302
    assert client.zscore(KEY, "dead-1") is None


def test_ids_that_nobody_has_are_not_acted_on(bury: Bury, staff: Client) -> None:
    bury()
    form = "application/x-www-form-urlencoded"

    answer = staff.generic("POST", ACT, "action=requeue&id=a%00b&id=%FF", content_type=form)

    assert answer.status_code == 302
