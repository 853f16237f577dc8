"""Killed anywhere, by chance or at each statement: a mail is held once, and sent once."""

import random
from datetime import timedelta
from typing import Any

import pytest

from emails.models import HeldMail, Profile, RandomMask
from emails.store import held
from emails.values.held import HeldState
from tests.integration.emails.conftest import RAW, Relay
from tests.integration.emails.kills import events_arrive, killed_at
from tests.integration.emails.releasing.conftest import HOUR, MASK, ended, hold


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
