"""A held mail is released once, expires if nobody wants it, and is never lost in between."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from emails.flow.releasing import MAX_ATTEMPTS
from emails.models import Delivery, HeldMail, Profile, RandomMask
from emails.store import held, held_releases
from emails.store.held import KEPT_AFTER_FORWARDING, RELEASE_GRACE
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.held import HeldState
from emails.values.outcomes import Held, HeldReason, RefuseReason, RetryReason
from runtime.dependencies import Dependency
from tests.integration.emails.conftest import (
    RAW,
    Relay,
    TimeIsOver,
    a_domain_mask,
    a_mask,
    an_owner,
)

MASK = "x7k2@masks.example"
HOUR = timedelta(hours=1)
SES_IS_AWAY = Unavailable(RetryReason.SENDER_UNAVAILABLE, Dependency.SES)


def hold(relay: Relay, raw: bytes = RAW, to: str = MASK) -> int:
    """Let spam arrive for an owner who blocks spam; return the held mail's id."""
    relay.arrive(to, raw=raw, spam="FAIL")
    return HeldMail.objects.latest("pk").pk


def row() -> HeldMail:
    return HeldMail.objects.get()


def ended() -> tuple[str, str, str]:
    mail = row()
    return mail.state, mail.outcome, mail.outcome_reason


@pytest.fixture
def owner(relay: Relay) -> Profile:
    """An owner with a mask, who blocks spam."""
    profile = an_owner(blocks_spam=True)
    a_mask(profile)
    return profile


def test_a_released_mail_is_forwarded_and_then_deleted_from_s3(
    relay: Relay, owner: Profile
) -> None:
    held.release([hold(relay)])

    relay.release_held()
    relay.release_held()

    (sent,) = relay.mailer.sent
    assert (sent.sender, sent.recipient) == (MASK, "ann@owner.example")
    assert b"Good morning." in sent.raw
    assert ended() == ("ended", "forwarded", "existing_mask")
    assert RandomMask.objects.get().forwarded == 1
    assert len(relay.mail_store.mails) == 1
    relay.now += KEPT_AFTER_FORWARDING - timedelta(seconds=1)
    relay.tidy_held()
    assert len(relay.mail_store.mails) == 1, "it may still bounce"
    relay.now += timedelta(seconds=1)
    relay.tidy_held()
    assert relay.mail_store.mails == {}
    assert row().state == "cleared"


def test_what_nobody_released_stays(relay: Relay, owner: Profile) -> None:
    hold(relay)

    relay.release_held()
    relay.tidy_held()

    assert relay.mailer.sent == []
    assert row().state == "held"
    assert list(relay.mail_store.mails.values()) == [RAW]


def test_an_owners_mails_are_released_oldest_first(relay: Relay, owner: Profile) -> None:
    ids = []
    for number in range(4):
        ids.append(hold(relay, RAW.replace(b"Hello", b"No. %d" % number)))
        relay.now += HOUR
    held.release(reversed(ids))  # type: ignore[arg-type]

    relay.release_held()

    subjects = [sent.raw.partition(b"Subject: ")[2][:5] for sent in relay.mailer.sent]
    assert subjects == [b"No. 0", b"No. 1", b"No. 2", b"No. 3"]


def test_all_are_released_when_their_reason_is_gone(relay: Relay, owner: Profile) -> None:
    hold(relay)
    owner.blocks_spam = False
    owner.save()

    held.release_all(owner.pk, HeldReason.SPAM)
    relay.release_held()

    assert ended() == ("ended", "forwarded", "existing_mask")


def test_a_mail_whose_reason_is_not_gone_after_all_is_held_again(
    relay: Relay, owner: Profile
) -> None:
    hold(relay)

    for _ in range(2):
        assert held.release_all(owner.pk, HeldReason.SPAM) == 1
        relay.release_held()

    assert relay.mailer.sent == []
    assert (row().state, row().reason, row().releases) == ("held", "spam", 2)
    assert Delivery.objects.filter(outcome="held").count() == 3
    held.release([row().pk])
    relay.release_held()
    assert len(relay.mailer.sent) == 1


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda mask: RandomMask.objects.update(block="all"), ("blocked", "blocks_all")),
        (lambda mask: mask.profile.user.delete(), ("nomask", "deleted")),
        (lambda mask: mask.delete(), ("nomask", "deleted")),
    ],
)
def test_a_released_mail_is_decided_anew(
    relay: Relay, owner: Profile, change: Callable[[RandomMask], object], outcome: tuple[str, str]
) -> None:
    held.release([hold(relay)])
    change(RandomMask.objects.get())

    relay.release_held()
    relay.tidy_held()

    assert relay.mailer.sent == []
    assert ended() == ("cleared", *outcome)
    assert relay.mail_store.mails == {}


def test_a_loop_is_still_seen_in_the_mails_own_header(relay: Relay, owner: Profile) -> None:
    raw = b"X-Mail-Relay-Loop: 1\r\n" + RAW
    held.release([hold(relay, raw)])

    relay.release_held()

    assert ended() == ("ended", "dropped", "loop")


def test_a_mail_that_would_make_a_mask_makes_it_when_it_is_released(relay: Relay) -> None:
    an_owner(is_premium=True, subdomain="ann", blocks_spam=True)
    held.release([hold(relay, to="shop@ann.masks.example")])

    relay.release_held()

    assert ended() == ("ended", "forwarded", "new_mask")
    assert relay.mailer.sent[0].sender == "shop@ann.masks.example"


def test_a_mask_that_came_meanwhile_is_used(relay: Relay) -> None:
    profile = an_owner(is_premium=True, subdomain="ann", blocks_spam=True)
    held.release([hold(relay, to="shop@ann.masks.example")])
    a_domain_mask(profile)

    relay.release_held()

    assert ended() == ("ended", "forwarded", "existing_mask")


# --- failures ------------------------------------------------------------------------------------


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


def test_a_bounce_holds_a_released_mail_again(relay: Relay, owner: Profile) -> None:
    """So a probe of a broken mailbox costs no mail."""
    held.release([hold(relay), hold(relay)])
    relay.release_held()
    tags = dict(relay.mailer.sent[1].tags)
    delivery = tags["delivery"]

    assert held_releases.hold_bounced(delivery, HeldReason.MAILBOX)
    assert not held_releases.hold_bounced(delivery, HeldReason.MAILBOX)
    relay.now += KEPT_AFTER_FORWARDING
    relay.tidy_held()

    (mail,) = held.find_held()
    assert mail.reason is HeldReason.MAILBOX
    assert [*relay.mail_store.mails] == [mail.mail]
    number, _, digits = delivery.partition("-")
    for other in (number, f"{number}-{digits[::-1]}", f"{'9' * 30}-{digits}", "x-y", ""):
        assert not held_releases.hold_bounced(other, HeldReason.MAILBOX)
    held.release([mail.id])
    relay.release_held()
    assert len(relay.mailer.sent) == 3


def test_only_the_recipient_whose_mail_bounced_has_it_held_again(relay: Relay) -> None:
    a_mask(an_owner("ann@owner.example", blocks_spam=True))
    a_mask(an_owner("eve@owner.example", blocks_spam=True), "y8m3")
    relay.arrive(MASK, "y8m3@masks.example", spam="FAIL")
    first, second = held.find_held()
    held.release([first.id, second.id])
    relay.release_held()
    (bounced,) = (sent for sent in relay.mailer.sent if sent.sender == "y8m3@masks.example")
    delivery = dict(bounced.tags)["delivery"]

    assert held_releases.hold_bounced(delivery, HeldReason.MAILBOX)

    assert [mail.id for mail in held.find_held()] == [second.id]


def test_an_attempt_at_an_earlier_release_ends_no_later_one(relay: Relay, owner: Profile) -> None:
    held.release([hold(relay)])
    early = held_releases.begin(row().pk, relay.now)
    assert early is not None
    held_releases.record_released(early, Held(HeldReason.CANNOT_BE_SENT), relay.now)
    held.release([row().pk])

    held_releases.record_released(early, Held(HeldReason.SPAM), relay.now)

    assert (row().state, row().reason) == ("releasing", "cannot_be_sent")


# --- the end -------------------------------------------------------------------------------------


def test_what_nobody_released_in_time_expires_and_is_deleted(relay: Relay, owner: Profile) -> None:
    hold(relay)
    relay.now += timedelta(days=30) - timedelta(seconds=1)
    relay.tidy_held()
    assert row().state == "held"

    relay.now += timedelta(seconds=1)
    relay.tidy_held()

    assert ended() == ("cleared", "expired", "spam")
    assert relay.mail_store.mails == {}


def test_what_can_not_be_released_for_a_week_expires(relay: Relay, owner: Profile) -> None:
    held.release([hold(relay)])
    relay.now += timedelta(days=30) + RELEASE_GRACE - timedelta(seconds=1)
    relay.tidy_held()
    assert row().state == "releasing"

    relay.now += timedelta(seconds=1)
    relay.tidy_held()

    assert ended() == ("cleared", "expired", "spam")


def test_without_its_owner_a_mail_ends_though_it_has_no_mask_yet(relay: Relay) -> None:
    profile = an_owner(is_premium=True, subdomain="ann", blocks_spam=True)
    hold(relay, to="shop@ann.masks.example")
    profile.user.delete()

    relay.tidy_held()

    assert ended() == ("cleared", "nomask", "deleted")
    assert relay.mail_store.mails == {}


def test_a_row_stays_until_its_mail_is_deleted(relay: Relay, owner: Profile) -> None:
    held.discard([hold(relay), hold(relay)], relay.now)
    stuck = HeldMail.objects.earliest("pk")
    relay.mail_store.kept = {stuck.key: "InternalError"}
    relay.mail_store.delete_fails = [Unavailable("mail_store_unavailable", Dependency.S3)]

    relay.tidy_held()
    assert set(HeldMail.objects.values_list("state", flat=True)) == {"ended"}
    relay.tidy_held()
    assert list(HeldMail.objects.filter(state="ended")) == [stuck]
    relay.mail_store.kept = {}
    relay.tidy_held()

    assert relay.mail_store.mails == {}
    assert set(HeldMail.objects.values_list("state", flat=True)) == {"cleared"}


# --- killed anywhere -----------------------------------------------------------------------------


@contextmanager
def killed_at(statement: int, *, is_carried_out: bool) -> Iterator[None]:
    """Kill the process at a statement to the database: it says nothing more, not even to clean up.

    In a transaction that statement is undone, too.
    """
    asked = 0

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked < statement or "SAVEPOINT" in sql:
            return execute(sql, *rest)
        if asked == statement and is_carried_out:
            execute(sql, *rest)
        raise TimeIsOver

    try:
        with connection.execute_wrapper(wrapper):
            yield
    except TimeIsOver:
        pass


def events_arrive(relay: Relay) -> None:
    """SES's `Send` events of all that it took."""
    for number, sent in enumerate(relay.mailer.sent, 1):
        relay.send_notes.sent[dict(sent.tags)["delivery"]] = f"0100-{number:04}"


@pytest.fixture
def certain(relay: Relay) -> Relay:
    """A relay that is told of each send."""
    relay.with_policy(send_event_wait=timedelta(seconds=60))
    relay.send_notes.kept_for = timedelta(days=1)
    return relay


@pytest.mark.parametrize("is_carried_out", [False, True])
@pytest.mark.parametrize("statement", range(1, 14))
def test_killed_anywhere_a_released_mail_is_forwarded_once(
    certain: Relay, owner: Profile, statement: int, is_carried_out: bool
) -> None:
    held.release([hold(certain)])

    with killed_at(statement, is_carried_out=is_carried_out):
        certain.release_held()
    events_arrive(certain)
    for _ in range(3):
        certain.pass_time(HOUR)
        certain.release_held()

    assert len(certain.mailer.sent) == 1
    assert ended()[:2] == ("ended", "forwarded")
    assert RandomMask.objects.get().forwarded == 1
    certain.tidy_held()
    assert certain.mail_store.mails == {}


@pytest.mark.parametrize("is_carried_out", [False, True])
@pytest.mark.parametrize("statement", range(1, 10))
def test_killed_anywhere_a_mail_is_held_once(
    certain: Relay, owner: Profile, statement: int, is_carried_out: bool
) -> None:
    def arrive() -> None:
        certain.arrive(MASK, spam="FAIL", key="key-1", sns_message_id="sns-1")

    with killed_at(statement, is_carried_out=is_carried_out):
        arrive()
    certain.pass_time(HOUR)
    arrive()

    (mail,) = held.find_held()
    assert list(certain.mail_store.mails) == [mail.mail]


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_each_mail_is_sent_once_or_held_or_was_given_up(
    certain: Relay, owner: Profile, seed: int
) -> None:
    """By chance: mails arrive, are released, discarded and expire, and workers die at any point."""
    dice, arrived = random.Random(seed), 0
    for _ in range(40):
        relay = certain
        at = killed_at(dice.randint(1, 25), is_carried_out=dice.random() < 0.5)
        match dice.choice(("arrive", "release", "release", "discard", "run", "run", "wait")):
            case "arrive":
                details: Any = {"sns_message_id": f"sns-{arrived}", "key": f"key-{arrived}"}
                arrived += 1
                verdict = dice.choice(("FAIL", "PASS"))
                raw = RAW.replace(b"Hello", b"No. %04d" % arrived)
                with at:
                    relay.arrive(MASK, raw=raw, spam=verdict, **details)
                events_arrive(relay)
                relay.pass_time(HOUR)
                relay.arrive(MASK, raw=raw, spam=verdict, **details)
            case "release":
                some = [mail.id for mail in held.find_held() if dice.random() < 0.5]
                held.release(some)
            case "discard":
                held.discard([mail.id for mail in held.find_held()[:1]], relay.now)
            case "run":
                with at:
                    relay.release_held()
                    relay.tidy_held()
                events_arrive(relay)
                relay.pass_time(HOUR)
            case "wait":
                relay.pass_time(timedelta(days=dice.randint(1, 12)))
    for _ in range(3):
        certain.pass_time(HOUR)
        certain.release_held()
        certain.tidy_held()

    subjects = [sent.raw.partition(b"Subject: ")[2][:8] for sent in certain.mailer.sent]
    rows = HeldMail.objects.all()
    given_up = rows.filter(outcome__in=("dropped", "expired")).count()
    waiting = held.find_held()
    assert len(subjects) == len(set(subjects))
    assert len(subjects) + given_up + len(waiting) == arrived
    assert {mail.mail for mail in waiting} == certain.mail_store.mails.keys()
    assert not held.find_held(states=[HeldState.RELEASING])
