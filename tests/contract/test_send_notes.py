"""The stand-in for the notes about sends behaves as the notes in Redis do."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest
import redis

from bridge.ledger.confirmations import Confirmations
from bridge.ledger.reservations import Reservations
from emails.edges.ports import SendNotes
from emails.edges.send_notes import NOTE_SECONDS, RedisSendNotes, begin
from emails.values.deliveries import BEGUN_SENDS_KEPT
from emails.wire import CONFIRMATION_SECONDS, TAKING_KEY, sent_key
from runtime.breakers import RESUMED_KEY, RESUMED_SECONDS, Breakers
from runtime.dependencies import Dependency
from runtime.redis_client import connect_fail_fast
from tests.contract.conftest import REAL_REDISES, an_empty_redis
from tests.environment import NOWHERE
from tests.fakes import FakeSendNotes
from tests.seals import SEALS

AGE = timedelta(hours=1)
"""Of a delivery from before the first note."""


@dataclass
class AnyNotes:
    """Empty notes, and notes that can't be had."""

    notes: SendNotes
    make_away: Callable[[], SendNotes]


def away_fake() -> FakeSendNotes:
    fake = FakeSendNotes()
    fake.is_away = True
    return fake


def away_redis() -> RedisSendNotes:
    return RedisSendNotes(connect_fail_fast(f"redis://{NOWHERE}/0"), SEALS)


@pytest.fixture(params=["stand-in", *REAL_REDISES])
def any_notes(request: pytest.FixtureRequest) -> AnyNotes:
    """Notes without any."""
    if request.param == "stand-in":
        return AnyNotes(FakeSendNotes(), away_fake)
    return AnyNotes(RedisSendNotes(an_empty_redis(request.param, request), SEALS), away_redis)


@pytest.fixture(params=REAL_REDISES)
def redis_client(request: pytest.FixtureRequest) -> redis.Redis:
    """Each real Redis in turn; fakeredis doesn't say which server it is."""
    return an_empty_redis(request.param, request)


def test_of_a_delivery_without_a_note_nothing_is_known(any_notes: AnyNotes) -> None:
    found = any_notes.notes.find("1-0")

    assert (found.sent_as, found.has_begun, found.has_all_events(AGE)) == (None, False, False)


def test_a_send_that_has_begun_is_found_by_its_delivery_only(any_notes: AnyNotes) -> None:
    any_notes.notes.note_begun("1-0")

    assert any_notes.notes.find("1-0").has_begun
    assert not any_notes.notes.find("1-1").has_begun
    assert any_notes.notes.find("1-1").kept_for is not None


def test_a_begun_send_that_is_not_noted_is_an_error(any_notes: AnyNotes) -> None:
    """Nothing was sent yet, and nothing must be."""
    with pytest.raises((redis.ConnectionError, ConnectionError)):
        any_notes.make_away().note_begun("1-0")


def test_a_sent_mail_is_found_by_its_delivery_only(any_notes: AnyNotes) -> None:
    assert any_notes.notes.note_sent("1-0", "0100018f-a0-000000")

    assert any_notes.notes.find("1-0").sent_as == "0100018f-a0-000000"
    assert any_notes.notes.find("1-1").sent_as is None
    assert any_notes.notes.find("11-0").sent_as is None


def test_noting_again_changes_nothing(any_notes: AnyNotes) -> None:
    for _ in range(2):
        assert any_notes.notes.note_sent("1-0", "0100-1")

    assert any_notes.notes.find("1-0").sent_as == "0100-1"


def test_a_note_that_is_not_taken_is_no_error(any_notes: AnyNotes) -> None:
    """The caller has a sent mail in its hands, and must do something else about it."""
    assert any_notes.make_away().note_sent("1-0", "0100-1") is False


def test_notes_expire(redis_client: redis.Redis) -> None:
    RedisSendNotes(redis_client, SEALS).note_sent("1-0", "0100-1")

    assert NOTE_SECONDS - 5 <= redis_client.ttl(sent_key("1-0")) <= NOTE_SECONDS


@pytest.mark.parametrize("written", [b"", b"two words", b"\xff", b"x" * 300])
def test_what_is_no_id_of_ses_is_no_note(redis_client: redis.Redis, written: bytes) -> None:
    redis_client.set(sent_key("1-0"), written)

    assert RedisSendNotes(redis_client, SEALS).find("1-0").sent_as is None


def test_notes_are_as_old_as_the_first_begun_send(redis_client: redis.Redis) -> None:
    notes = RedisSendNotes(redis_client, SEALS)
    notes.note_begun("1-0")
    redis_client.expire("relay:since", redis_client.ttl("relay:since") - 3600)
    notes.note_begun("2-0")

    kept_for = notes.find("3-0").kept_for

    assert kept_for is not None
    assert timedelta(seconds=3599) <= kept_for <= timedelta(seconds=3605)


def test_notes_are_as_old_as_the_first_worker(redis_client: redis.Redis) -> None:
    notes = RedisSendNotes(redis_client, SEALS)
    begin(redis_client)
    redis_client.expire("relay:since", redis_client.ttl("relay:since") - 50)
    begin(redis_client)
    notes.note_begun("1-0")

    assert notes.find("1-0").has_all_events(timedelta(seconds=40)), "nothing was lost since then"
    assert not notes.find("1-0").has_all_events(timedelta(seconds=60))


def test_after_a_wipe_nothing_is_known_of_what_was_noted_before(redis_client: redis.Redis) -> None:
    notes = RedisSendNotes(redis_client, SEALS)
    notes.note_begun("1-0")
    redis_client.flushdb()

    found = notes.find("1-0")

    assert not found.has_begun
    assert not found.has_all_events(AGE)
    assert not found.excludes_a_send(timedelta(seconds=1))


def test_what_another_server_has_kept_proves_nothing(redis_client: redis.Redis) -> None:
    """Such as a Redis that comes back with a snapshot: 14 of 1,500 mails doubled in a storm."""
    notes = RedisSendNotes(redis_client, SEALS)
    notes.note_begun("1-0")
    redis_client.expire("relay:since", redis_client.ttl("relay:since") - 3600)
    redis_client.set("relay:since", "the run_id before", keepttl=True)

    found = notes.find("2-0")

    assert not found.has_all_events(AGE)
    assert not found.excludes_a_send(timedelta(seconds=1))
    redis_client.expire("relay:since", redis_client.ttl("relay:since") - 3600)
    assert notes.find("2-0").has_all_events(AGE), "from now on it is the one"


def test_a_begun_send_is_noted_for_as_long_as_its_absence_counts(redis_client: redis.Redis) -> None:
    RedisSendNotes(redis_client, SEALS).note_begun("1-0")

    assert redis_client.ttl("relay:sending:1-0") >= BEGUN_SENDS_KEPT.total_seconds() - 5


def test_the_notes_grow_older_from_the_first_look(redis_client: redis.Redis) -> None:
    """Otherwise a doubt would never end where nothing is sent after a wipe."""
    notes = RedisSendNotes(redis_client, SEALS)
    notes.find("1-0")
    redis_client.expire("relay:since", redis_client.ttl("relay:since") - 100)

    assert notes.find("1-0").has_all_events(AGE)


def test_the_workers_learn_when_a_bridge_last_went_on_to_receive(
    redis_client: redis.Redis,
) -> None:
    notes, reservations = (
        RedisSendNotes(redis_client, SEALS),
        Reservations(redis_client, 60, queue="mail"),
    )
    reserve = partial(
        reservations.reserve, bridge="b", at_most=10, now_ms=int(time.time() * 1000), seconds=5
    )
    assert reserve(1) == 1
    assert notes.find("1-0").received_ago is None, "it has not received yet"

    assert reserve(1, has_received=True) == 1
    redis_client.expire(TAKING_KEY, redis_client.ttl(TAKING_KEY) - 9)
    found = notes.find("1-0")
    assert found.received_ago in (timedelta(seconds=9), timedelta(seconds=10))

    assert reserve(0, has_received=True) == 0
    assert notes.find("1-0").received_ago != timedelta(0), "without room it receives nothing"
    assert reserve(1, has_received=True) == 1
    found = notes.find("1-0")
    assert (found.received_ago, found.are_events_late) == (timedelta(0), False)


def test_after_a_pause_of_all_bridges_events_are_late(redis_client: redis.Redis) -> None:
    """What waits in SQS comes batch by batch."""
    notes, reservations = (
        RedisSendNotes(redis_client, SEALS),
        Reservations(redis_client, 60, queue="mail"),
    )
    reserve = partial(
        reservations.reserve, bridge="b", at_most=10, now_ms=int(time.time() * 1000), seconds=5
    )
    reserve(1, has_received=True)
    assert not notes.find("1-0").are_events_late
    redis_client.expire(TAKING_KEY, redis_client.ttl(TAKING_KEY) - 12)

    reserve(1, has_received=True)

    assert notes.find("1-0").are_events_late
    assert 0 < redis_client.ttl(RESUMED_KEY) <= RESUMED_SECONDS


def test_a_bridge_learns_that_its_notes_were_lost(redis_client: redis.Redis) -> None:
    one, other = Confirmations(redis_client, SEALS), Confirmations(redis_client, SEALS)
    one.note_all([("1-0", "0100-1")])
    other.note_all([("2-0", "0100-2")])
    assert not one.were_lost()

    redis_client.flushdb()
    one.note([("3-0", "0100-3")], None)
    assert one.were_lost()
    one.note_all([("1-0", "0100-1"), ("3-0", "0100-3")])

    assert not one.were_lost()
    assert other.were_lost()


def test_what_the_bridges_note_is_found_by_the_workers(redis_client: redis.Redis) -> None:
    Confirmations(redis_client, SEALS).note([("1-0", "0100-1"), ("2-0", "0100-2")], 12.3)

    found = RedisSendNotes(redis_client, SEALS).find("2-0")

    assert (found.sent_as, found.event_delay) == ("0100-2", timedelta(seconds=12))
    assert 0 < redis_client.ttl(sent_key("2-0")) <= CONFIRMATION_SECONDS


def test_while_a_breaker_is_open_and_for_a_while_after_events_are_late(
    redis_client: redis.Redis,
) -> None:
    """The bridges take little then, so an event may still be in SQS."""
    notes, breakers = RedisSendNotes(redis_client, SEALS), Breakers(redis_client)
    assert not notes.find("1-0").are_events_late

    for _ in range(5):
        breakers.failed(Dependency.SES, "AccessDenied")
    assert notes.find("1-0").are_events_late

    breakers.worked(Dependency.SES)
    assert notes.find("1-0").are_events_late
    (resumed,) = redis_client.scan_iter("relay:resumed")
    assert 0 < redis_client.ttl(resumed) <= 90
    redis_client.delete(resumed)
    assert not notes.find("1-0").are_events_late


@pytest.mark.parametrize(
    "forged",
    [
        "0100-1",
        "0100-1 AAAAAAAAAAAAAAAAAAAAAA",
        f"0100-1 {SEALS.sign('sent', '2-0', '0100-1')}",
        f"0100-1 {SEALS.sign('sent', '1-0', '0100-2')}",
        b"\xff",
        "",
    ],
)
def test_a_note_that_none_of_us_signed_keeps_no_mail_from_being_sent(
    redis_client: redis.Redis, forged: str | bytes
) -> None:
    notes = RedisSendNotes(redis_client, SEALS)
    redis_client.set(sent_key("1-0"), forged)

    assert notes.find("1-0").sent_as is None
