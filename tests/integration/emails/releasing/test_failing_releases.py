"""A release that fails: whose fault it is decides whether it is tried again or held again."""

from contextlib import suppress

import pytest

from emails.flow.releasing import MAX_ATTEMPTS
from emails.models import Delivery, HeldMail, Profile
from emails.store import held, held_releases
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.outcomes import Held, HeldReason, RefuseReason, RetryReason
from runtime.dependencies import Dependency
from tests.integration.emails.conftest import Relay, TimeIsOver
from tests.integration.emails.releasing.conftest import HOUR, ended, hold, row

SES_IS_AWAY = Unavailable(RetryReason.SENDER_UNAVAILABLE, Dependency.SES)


def test_a_fault_of_the_world_costs_nothing_and_stops_the_lane(
    relay: Relay, owner: Profile
) -> None:
    held.release([hold(relay), hold(relay)])
    for _ in range(2 * MAX_ATTEMPTS):
        relay.mailer.fails = [SES_IS_AWAY]
        relay.release_held()
        assert relay.mailer.sent == []  # the second mail was not even tried

    assert set(HeldMail.objects.values_list("state", "attempts")) == {("releasing", 0)}
    relay.release_held()
    assert len(relay.mailer.sent) == 2


def test_a_mail_that_s3_alone_does_not_give_out_stops_nobody(relay: Relay, owner: Profile) -> None:
    held.release([hold(relay), hold(relay)])
    denied = Unavailable(
        RefuseReason.MAIL_STORE_REJECTED, Dependency.S3, "AccessDenied", max_tries=8
    )
    relay.mail_store.fails = [denied]

    relay.release_held()

    assert len(relay.mailer.sent) == 1
    assert sorted(HeldMail.objects.values_list("state", flat=True)) == ["ended", "releasing"]


def test_a_mail_that_is_refused_is_held_and_stops_nobody(relay: Relay, owner: Profile) -> None:
    first, second = hold(relay), hold(relay)
    held.release([first, second])
    relay.mailer.fails = [Refused(RefuseReason.SEND_REJECTED)]

    relay.release_held()

    assert len(relay.forwarded()) == 1
    assert relay.notices() == ["mail_unsendable"]
    (mail,) = held.find_held()
    assert (mail.id, mail.reason) == (first, HeldReason.CANNOT_BE_SENT)


@pytest.mark.parametrize("failure", [ValueError("a bug"), TimeIsOver()])
def test_a_mail_that_always_fails_by_itself_is_held_again(
    relay: Relay, owner: Profile, failure: BaseException
) -> None:
    first = hold(relay)
    held.release([first])
    for _ in range(MAX_ATTEMPTS):
        relay.mail_store.fails = [failure]
        try:
            relay.release_held()
        except TimeIsOver:
            relay.pass_time(HOUR)
        assert row().state == "releasing"

    relay.release_held()

    (mail,) = held.find_held()
    assert (mail.id, mail.reason, mail.attempts) == (first, HeldReason.CANNOT_BE_SENT, 0)
    assert relay.forwarded() == []
    assert relay.notices() == ["mail_unsendable"]


def test_attempts_that_meet_count_for_nothing(relay: Relay, owner: Profile) -> None:
    """Found with whole processes: four jobs at once, and a mail that was sent was held again."""
    held.release([hold(relay)])
    late = held_releases.begin(row().pk, relay.now)
    assert late is not None

    def others_come() -> None:
        for _ in range(2 * MAX_ATTEMPTS):
            relay.release_held()

    relay.mailer.meanwhile = others_come
    relay.release_held()

    assert len(relay.mailer.sent) == 1
    assert ended() == ("ended", "forwarded", "existing_mask")
    held_releases.record_released(late, Held(HeldReason.CANNOT_BE_SENT), relay.now)
    assert ended() == ("ended", "forwarded", "existing_mask")


def test_what_ses_has_is_completed_whatever_the_count(relay: Relay, owner: Profile) -> None:
    held.release([hold(relay)])
    relay.pace.fails = [TimeIsOver()]
    with suppress(TimeIsOver):
        relay.release_held()
    HeldMail.objects.update(attempts=MAX_ATTEMPTS)
    claimed = Delivery.objects.latest("pk")
    relay.send_notes.sent[f"{claimed.pk}-{claimed.recipient[:12]}"] = "0100-9"

    relay.release_held()

    assert relay.mailer.sent == []
    assert ended() == ("ended", "forwarded", "existing_mask")


def test_a_mail_that_is_gone_from_s3_is_not_tried_for_ever(relay: Relay, owner: Profile) -> None:
    held.release([hold(relay)])
    relay.mail_store.mails.clear()

    for _ in range(MAX_ATTEMPTS + 1):
        relay.release_held()

    assert held.find_held()[0].reason is HeldReason.CANNOT_BE_SENT


def test_a_mail_that_failed_lets_the_untried_ones_go_first(relay: Relay, owner: Profile) -> None:
    first, second = hold(relay), hold(relay)
    held.release([first, second])
    relay.mailer.fails = [NotFinished(RetryReason.SENDER_THROTTLED)]

    relay.release_held()

    lane = owner.pk % 2
    assert held_releases.find_to_release(lane, 2, 10) == [second, first]
    assert held_releases.find_to_release(1 - lane, 2, 10) == []


def test_a_send_in_doubt_waits_for_a_person(relay: Relay, owner: Profile) -> None:
    held.release([hold(relay)])
    relay.mailer.fails = [SendInDoubt()]

    relay.release_held()
    relay.pass_time(HOUR)
    relay.release_held()

    assert relay.mailer.sent == []
    assert held.find_held()[0].reason is HeldReason.CANNOT_BE_SENT


def test_an_attempt_at_an_earlier_release_ends_no_later_one(relay: Relay, owner: Profile) -> None:
    held.release([hold(relay)])
    early = held_releases.begin(row().pk, relay.now)
    assert early is not None
    held_releases.record_released(early, Held(HeldReason.CANNOT_BE_SENT), relay.now)
    held.release([row().pk])

    held_releases.record_released(early, Held(HeldReason.SPAM), relay.now)

    assert (row().state, row().reason) == ("releasing", "cannot_be_sent")
