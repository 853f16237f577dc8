"""The stand-in for the notes about sends behaves as the notes in Redis do."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import redis

from emails.edges.ports import SendNotes
from emails.edges.send_notes import NOTE_SECONDS, RedisSendNotes
from emails.values.deliveries import SendEvidence
from emails.wire import sent_key
from runtime.redis_client import connect_fail_fast
from tests.contract.conftest import PLAYED_BY_REDIS, an_empty_redis
from tests.environment import NOWHERE
from tests.fakes import FakeSendNotes


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
    return RedisSendNotes(connect_fail_fast(f"redis://{NOWHERE}/0"))


@pytest.fixture(params=["stand-in", *PLAYED_BY_REDIS])
def any_notes(request: pytest.FixtureRequest) -> AnyNotes:
    """Notes without any."""
    if request.param == "stand-in":
        return AnyNotes(FakeSendNotes(), away_fake)
    return AnyNotes(RedisSendNotes(an_empty_redis(request.param, request)), away_redis)


def test_of_a_delivery_without_a_note_nothing_is_known(any_notes: AnyNotes) -> None:
    assert any_notes.notes.find("1-0") == SendEvidence()


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
    RedisSendNotes(redis_client).note_sent("1-0", "0100-1")

    assert NOTE_SECONDS - 5 <= redis_client.ttl(sent_key("1-0")) <= NOTE_SECONDS


@pytest.mark.parametrize("written", [b"", b"two words", b"\xff", b"x" * 300])
def test_what_is_no_id_of_ses_is_no_note(redis_client: redis.Redis, written: bytes) -> None:
    redis_client.set(sent_key("1-0"), written)

    assert RedisSendNotes(redis_client).find("1-0") == SendEvidence()
