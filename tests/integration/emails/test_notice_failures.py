"""A notice that fails harms nothing, and of several workers one sends it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from emails.flow import mailbox_probes
from emails.flow.notices import PATIENCE
from emails.models import Delivery, MailboxBreaker, Profile
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished
from emails.values.outcomes import (
    Dropped,
    DropReason,
    Held,
    HeldReason,
    Outcome,
)
from tests.integration.emails.conftest import RAW, Relay, a_mask, an_owner
from tests.integration.emails.notices import (
    ANN,
    MASK,
    REJECTED,
    THROTTLED,
    UNSENDABLE,
    bounce_of,
)
from tests.integration.emails.replies.conftest import a_forwarded_mail, answer


@pytest.fixture
def quoted(relay: Relay) -> str:
    """The id that Ann quotes when she replies to Bob's mail. She has premium."""
    a_mask(an_owner(is_premium=True))
    return a_forwarded_mail(relay)


@pytest.mark.parametrize("failure", [REJECTED, ValueError("a bug"), SendInDoubt()])
def test_a_notice_that_can_not_be_sent_harms_nothing(
    relay: Relay, quoted: str, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    relay.mailer.fails = [failure]

    outcome = answer(relay, {"In-Reply-To": "<unknown@x>"})

    assert outcome == Dropped(DropReason.UNKNOWN_THREAD)
    assert relay.mail_store.mails == {}
    assert [one.getMessage() for one in caplog.records].count("notice given up") == 1
    assert ANN not in caplog.text


def test_one_that_can_not_be_made_harms_nothing(relay: Relay, quoted: str) -> None:
    Profile.objects.update(language="x" * 10)
    relay.mailer.fails = [LookupError("no such template")]

    assert answer(relay, {"In-Reply-To": "<unknown@x>"}) == Dropped(DropReason.UNKNOWN_THREAD)


def test_a_message_is_not_retried_for_ever_for_the_sake_of_its_notice(
    relay: Relay, quoted: str
) -> None:
    came_at = relay.now - PATIENCE

    def reply_of(seconds: int) -> Outcome:
        relay.mailer.fails = [THROTTLED]
        details = {"timestamp": (came_at + timedelta(seconds=seconds)).isoformat()}
        return answer(relay, {"In-Reply-To": "<unknown@x>"}, **details)

    with pytest.raises(NotFinished):
        reply_of(1)
    assert reply_of(0) == Dropped(DropReason.UNKNOWN_THREAD)


def test_a_retry_after_midnight_has_the_slot_of_the_day_before(relay: Relay, quoted: str) -> None:
    came_at = relay.now.replace(hour=23, minute=59)
    details = {"timestamp": came_at.isoformat()}
    relay.now = came_at
    answer(relay, {"In-Reply-To": "<unknown@x>"}, **details)
    relay.now = came_at + timedelta(minutes=2)

    answer(relay, {"In-Reply-To": "<unknown@x>"}, **details)

    assert len(relay.notices()) == 1


def test_the_mail_of_a_mailbox_that_is_back_does_not_wait_for_the_notice(
    relay: Relay, quoted: str
) -> None:
    relay.notify(bounce_of(relay, 0))
    relay.arrive(MASK)
    MailboxBreaker.objects.all().delete()
    relay.mailer.fails = [THROTTLED]

    mailbox_probes.drive(relay.ports(), relay.now)
    relay.release_held()

    assert relay.notices() == []
    assert len(relay.forwarded()) == 2


def in_the_end(attempt: Any) -> Any:
    """Try again, as the worker does, while another sends the notice."""
    for _ in range(1000):
        with suppress(NotFinished):
            return attempt()
    raise TimeoutError


def at_once(number: int, attempt: Any) -> list[Any]:
    barrier = Barrier(number)

    def run(one: int) -> Any:
        try:
            barrier.wait(10)
            return in_the_end(lambda: attempt(one))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def test_of_two_workers_one_sends_the_notice(transactional_db: None) -> None:
    relay = Relay()
    a_mask(an_owner(is_premium=True))

    def attempt(one: int) -> Outcome:
        return answer(relay, {"In-Reply-To": "<unknown@x>"}, f"r{one}", key=f"r{one}")

    for _ in range(5):
        assert set(at_once(2, attempt)) == {Dropped(DropReason.UNKNOWN_THREAD)}
        Delivery.objects.exclude(sns_message_id__startswith="notices-").delete()

    assert relay.notices() == ["reply_unknown_thread"]


def test_of_eight_workers_one_sends_each_notice_and_one_that_dies_is_followed(
    transactional_db: None,
) -> None:
    relay = Relay()
    owner = an_owner()
    masks = [a_mask(owner, local).address for local in ("m1", "m2")]
    relay.mailer.fails = [ValueError("a bug")] * 2

    def attempt(one: int) -> Any:
        to = masks[one % 2]
        return relay.arrive(to, raw=UNSENDABLE, key=f"k{one}", sns_message_id=f"sns-{one}")

    outcomes = at_once(8, attempt)

    assert set(outcomes) == {(Held(HeldReason.CANNOT_BE_SENT),)}
    assert relay.notices() == ["mail_unsendable"] * 2
    assert len({dict(mail.tags)["mask"] for mail in relay.mailer.sent}) == 2


def test_a_mail_in_the_shape_of_ours_is_forwarded_without_a_notice(relay: Relay) -> None:
    a_mask(an_owner())

    relay.arrive(MASK, raw=RAW)

    assert relay.notices() == []
