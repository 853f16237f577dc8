"""A mail to many masks is settled in portions: each mask once, and others' mail in between."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from emails.models import HeldMail, RandomMask
from emails.values.errors import NotFinished, PortionDone
from emails.values.outcomes import RetryReason
from tests.integration.emails.conftest import Relay, an_owner
from tests.integration.emails.notices import UNSENDABLE

MASKS = [f"mask{number}@masks.example" for number in range(10)]


@pytest.fixture
def many(relay: Relay) -> Relay:
    """Ten masks. Each mail waits for its turn for ten seconds; a portion has thirty."""
    owner = an_owner()
    for address in MASKS:
        local, domain = address.split("@")
        RandomMask.objects.create(profile=owner, local=local, domain=domain)

    def wait() -> None:
        relay.now += timedelta(seconds=10)

    relay.pace.meanwhile = wait
    return relay


def attempts(relay: Relay) -> list[int]:
    """Try until all is settled; say how many mails each attempt sent."""
    sent: list[int] = []
    while True:
        before = len(relay.forwarded())
        try:
            relay.arrive(*MASKS, sns_message_id="one", key="one")
        except PortionDone:
            sent.append(len(relay.forwarded()) - before)
        else:
            return [*sent, len(relay.forwarded()) - before]


def test_each_attempt_goes_on_where_the_last_one_ended(many: Relay) -> None:
    assert attempts(many) == [3, 3, 3, 1]
    assert sorted(mail.sender for mail in many.forwarded()) == sorted(MASKS)


def test_an_attempt_settles_one_at_least(many: Relay) -> None:
    many.with_policy(portion=timedelta(0))
    assert attempts(many) == [1] * 10


def test_a_later_attempt_asks_the_database_no_more_than_an_earlier_one(many: Relay) -> None:
    asked: list[int] = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries, suppress(PortionDone):
            many.arrive(*MASKS, sns_message_id="one", key="one")
        asked.append(len(queries))

    assert len(many.forwarded()) == 9
    assert asked[2] <= asked[1] <= asked[0]


def test_a_mail_to_few_is_settled_at_once(many: Relay) -> None:
    assert len(many.arrive(*MASKS[:3])) == 3


def test_one_that_fails_does_not_keep_the_others_from_their_portions(many: Relay) -> None:
    many.pace.fails = [NotFinished(RetryReason.SENDER_THROTTLED)]
    assert attempts(many) == [2, 3, 3, 2]
    assert sorted(mail.sender for mail in many.forwarded()) == sorted(MASKS)


def test_what_owners_were_told_before_makes_no_portion_longer(many: Relay) -> None:
    """An owner is told of each mask: a later attempt finds two things settled for each."""
    held: list[int] = []
    while not held or held[-1] < len(MASKS):
        with suppress(PortionDone):
            many.arrive(*MASKS, raw=UNSENDABLE, sns_message_id="one", key="one")
        held.append(HeldMail.objects.count())
    assert held == [3, 6, 9, 10]
