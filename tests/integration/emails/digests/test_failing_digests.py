"""A digest whose attempt is killed or fails, or whose mails can't be read: one is sent, once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from emails.flow import digests as flow
from emails.models import HeldDigest, Profile
from emails.store import digests, held
from emails.values.deliveries import SendInDoubt
from emails.values.errors import Refused, Unavailable
from emails.values.outcomes import RefuseReason, RetryReason
from runtime.dependencies import Dependency
from tests.integration.emails.conftest import Relay, TimeIsOver, a_mask, an_owner
from tests.integration.emails.digests.conftest import HOUR, hold, send_due, sent, text_of

KILLED_AT: dict[str, Callable[[pytest.MonkeyPatch, Relay], None]] = {
    "before the claim": lambda patch, _: patch.setattr(flow, "run_once", _die),
    "while the mails are read": lambda _, relay: setattr(relay.mail_store, "fails", [TimeIsOver()]),
    "before it is ended": lambda patch, _: patch.setattr(digests, "end", _die),
}


def _die(*_: object) -> None:
    raise TimeIsOver


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("moment", KILLED_AT)
def test_a_killed_attempt_is_continued_and_one_digest_is_sent(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    hold(relay)
    relay.now += HOUR
    with monkeypatch.context() as patch:
        KILLED_AT[moment](patch, relay)
        with pytest.raises(TimeIsOver):
            send_due(relay)
    relay.pass_time(timedelta(minutes=10))

    for _ in range(3):
        send_due(relay)

    assert len(sent(relay)) == 1
    assert HeldDigest.objects.get().ended_at is not None


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    "failure", [SendInDoubt(), Refused(RefuseReason.SEND_REJECTED)], ids=["doubt", "refusal"]
)
def test_a_digest_that_was_perhaps_sent_or_refused_is_not_sent_again(
    relay: Relay, failure: Exception
) -> None:
    hold(relay)
    relay.now += HOUR
    relay.mailer.fails = [failure]

    for _ in range(3):
        send_due(relay)
        relay.pass_time(timedelta(minutes=10))

    assert sent(relay) == []
    assert HeldDigest.objects.get().ended_at is not None


@pytest.mark.parametrize("broken", ["s3", "ses"])
def test_a_fault_of_the_world_stops_the_run_and_the_next_one_sends(
    relay: Relay, owner: Profile, broken: str
) -> None:
    other = an_owner("eve@owner.example", blocks_spam=True)
    a_mask(other, "other")
    hold(relay)
    hold(relay, to="other@masks.example")
    relay.now += HOUR
    dependency = Dependency.S3 if broken == "s3" else Dependency.SES
    failure = Unavailable(RetryReason.MAIL_STORE_UNAVAILABLE, dependency)
    if broken == "s3":
        relay.mail_store.fails = [failure]
    else:
        relay.mailer.fails = [failure]

    send_due(relay)
    assert sent(relay) == []
    send_due(relay)
    assert len(sent(relay)) == 2


@pytest.mark.usefixtures("owner")
def test_a_mail_that_can_not_be_read_is_told_of_without_sender_and_subject(relay: Relay) -> None:
    hold(relay, "there")
    hold(relay, "lost")
    relay.mail_store.mails.pop(held.find_held()[-1].mail)
    relay.now += HOUR

    send_due(relay)

    text = text_of(sent(relay)[0])
    assert "there" in text
    assert "(could not be read)" in text


@pytest.mark.usefixtures("owner")
def test_if_no_mail_can_be_read_the_digest_waits_for_an_hour(relay: Relay) -> None:
    hold(relay)
    relay.mail_store.mails.clear()
    relay.now += HOUR
    send_due(relay)
    assert sent(relay) == []

    relay.pass_time(HOUR)
    send_due(relay)
    assert "(could not be read)" in text_of(sent(relay)[0])
