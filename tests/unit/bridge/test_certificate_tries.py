"""A new certificate is found in the middle of a flood of invented ones."""

from datetime import timedelta
from itertools import count

import pytest

from bridge.sns.certificate_tries import FAILURE_AGE, MAX_FAILURES, MAX_REFUSED, Tries
from tests.unit.bridge.envelopes import NOW

HOST = "sns.us-east-1.amazonaws.com"
GENUINE = "SimpleNotificationService-1.pem"


def tried_after(invented_for_each_genuine: int) -> timedelta:
    """Return when the genuine file is looked for, ten messages a second bearing its name."""
    tries, invented = Tries(), count()
    for tenth in range(1_200):
        now = NOW + timedelta(seconds=tenth / 10)
        for name in (f"forged-{next(invented)}" for _ in range(invented_for_each_genuine)):
            if tries.may_try(HOST, name, now):
                tries.failed(HOST, name, now + FAILURE_AGE)
        if tries.may_try(HOST, GENUINE, now):
            return now - NOW
    raise AssertionError("it was never looked for")


@pytest.mark.slow
@pytest.mark.parametrize("invented_for_each_genuine", [0, 1, 4, 20, 100])
def test_a_new_certificate_is_looked_for_within_a_minute_of_a_flood(
    invented_for_each_genuine: int,
) -> None:
    assert tried_after(invented_for_each_genuine) <= FAILURE_AGE


@pytest.mark.slow
def test_a_host_is_asked_for_few_files_that_it_does_not_have() -> None:
    tries, tried = Tries(), 0
    for number in range(10_000):
        if tries.may_try(HOST, str(number), NOW):
            tries.failed(HOST, str(number), NOW + FAILURE_AGE)
            tried += 1

    assert tried == MAX_FAILURES


def test_of_those_that_were_refused_the_name_of_most_messages_goes_first() -> None:
    tries = Tries()
    for number in range(MAX_FAILURES):
        tries.failed(HOST, str(number), NOW + FAILURE_AGE)
    for name in ("rare", GENUINE, GENUINE):
        assert not tries.may_try(HOST, name, NOW + FAILURE_AGE / 2)

    assert not tries.may_try(HOST, "rare", NOW + FAILURE_AGE)
    assert not tries.may_try(HOST, "new", NOW + FAILURE_AGE)
    assert tries.may_try(HOST, GENUINE, NOW + FAILURE_AGE)


def test_a_name_that_no_message_bears_any_more_is_not_waited_for() -> None:
    tries = Tries()
    for number in range(MAX_FAILURES):
        tries.failed(HOST, str(number), NOW + FAILURE_AGE)
    for _ in range(1_000):
        tries.may_try(HOST, "forged", NOW)

    assert tries.may_try(HOST, GENUINE, NOW + FAILURE_AGE)


def test_few_refused_names_are_counted_and_the_most_frequent_stays() -> None:
    tries = Tries()
    for number in range(MAX_FAILURES):
        tries.failed(HOST, str(number), NOW + FAILURE_AGE)
    for _ in range(2):
        tries.may_try(HOST, GENUINE, NOW + FAILURE_AGE / 2)
    for number in range(MAX_REFUSED * 3):
        tries.may_try(HOST, f"forged-{number}", NOW + FAILURE_AGE / 2)

    assert len(tries._hosts[HOST].refused) == MAX_REFUSED
    assert tries.may_try(HOST, GENUINE, NOW + FAILURE_AGE)


def test_hosts_do_not_share_their_tries() -> None:
    tries = Tries()
    for number in range(MAX_FAILURES):
        tries.failed(HOST, str(number), NOW + FAILURE_AGE)

    assert not tries.may_try(HOST, GENUINE, NOW)
    assert tries.may_try("sns.eu-west-1.amazonaws.com", GENUINE, NOW)
