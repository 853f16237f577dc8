"""Large mails wait for room, whatever ends the one before them; small ones never do."""

import pytest

from emails.edges.mail_memory import SMALL_BYTES, MailMemory
from emails.values.errors import NotFinished
from emails.values.notifications import StoredMail
from emails.values.outcomes import Forwarded, ForwardReason, RetryReason
from tests.integration.emails.conftest import RAW, Relay, a_mask, an_owner
from tests.unit.emails.builders import BUCKET

pytestmark = pytest.mark.django_db

MASK = "x7k2@masks.example"
LARGE = RAW + b"x" * 70 + b"\r\n" * SMALL_BYTES


@pytest.fixture
def busy(relay: Relay) -> Relay:
    """A relay that works on a large mail already."""
    a_mask(an_owner())
    relay.memory = MailMemory(SMALL_BYTES)
    relay.memory.room().take(2 * SMALL_BYTES)
    return relay


def test_a_large_mail_is_put_back_unread_and_costs_nothing(busy: Relay) -> None:
    with pytest.raises(NotFinished) as failure:
        busy.arrive(MASK, raw=LARGE, key="key-1", sns_message_id="sns-1")

    assert failure.value.reason == RetryReason.MEMORY_FULL
    assert busy.mailer.sent == []
    busy.memory.give_back(2 * SMALL_BYTES)
    outcome = busy.arrive(MASK, raw=LARGE, key="key-1", sns_message_id="sns-1")
    assert [type(one) for one in outcome] == [Forwarded]


def test_a_small_one_is_forwarded_meanwhile(busy: Relay) -> None:
    assert busy.arrive(MASK, raw=RAW, key="key-1") == (Forwarded(ForwardReason.EXISTING_MASK),)


@pytest.mark.parametrize("fails", [None, RuntimeError("ours"), KeyboardInterrupt()])
def test_a_mail_gives_its_room_back_however_it_ends(
    relay: Relay, fails: BaseException | None
) -> None:
    a_mask(an_owner())
    relay.memory = MailMemory(SMALL_BYTES)
    if fails is None:
        relay.arrive(MASK, raw=LARGE, key="key-1")
    else:
        relay.mailer.fails = (fails,)
        with pytest.raises(type(fails)):
            relay.arrive(MASK, raw=LARGE, key="key-1")

    relay.memory.room().take(2 * SMALL_BYTES)  # raises if the mail is still there


def test_a_held_mail_gives_it_back_as_well(relay: Relay) -> None:
    a_mask(an_owner(blocks_spam=True))
    relay.memory = MailMemory(SMALL_BYTES)
    relay.arrive(MASK, raw=LARGE, key="key-1", spam="FAIL")
    assert any(raw == LARGE for raw in relay.mail_store.mails.values())
    assert StoredMail(BUCKET, "key-1") not in relay.mail_store.mails

    relay.memory.room().take(2 * SMALL_BYTES)
