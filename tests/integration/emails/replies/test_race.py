"""Forty replies of an owner at once, all checked before any is counted.

The attack: sign up, write to your own mask with `Reply-To: victim`, and reply in bulk.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections

from emails.models import AbuseCounter, Profile
from emails.values.errors import NotFinished
from emails.values.outcomes import Dropped, DropReason, Outcome, Replied, ReplyReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.replies.conftest import REPLY, answer

REPLIES = 40
VICTIM = "victim@target.example"


@pytest.fixture
def attacker(transactional_db: None) -> Relay:
    """A relay in which an owner has a mail from "the victim" to reply to."""
    relay = Relay()
    a_mask(an_owner())
    headers = {"From": "x@sender.example", "Reply-To": VICTIM, "Message-ID": "<1@sender.example>"}
    relay.arrive("x7k2@masks.example", headers=headers)
    assert len(relay.mailer.sent) == 1
    return relay


def reply_together(relay: Relay) -> list[Outcome]:
    """Reply forty times; all have decided before the first reserves its place."""
    barrier, quoted = Barrier(REPLIES), "<0100-0001@email.amazonses.com>"
    met: list[int] = []

    def wait_for_all(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "UPDATE emails_profile" in sql or "emails_abusecounter AS counter" in sql:
            met.append(barrier.wait(30))
        return execute(sql, *rest)

    def attempt(number: int) -> Outcome:
        headers = {"In-Reply-To": quoted, "Message-ID": f"<{number}@owner.example>"}
        return answer(relay, headers, f"reply-{number}", key=f"r{number}", raw=REPLY)

    def attempt_together(number: int) -> Outcome | None:
        try:
            with connection.execute_wrapper(wait_for_all):
                return attempt(number)
        except NotFinished:
            return None  # Others are telling the owner: it is put back, and runs again.
        finally:
            connections.close_all()

    with ThreadPoolExecutor(REPLIES) as pool:
        outcomes = list(pool.map(attempt_together, range(REPLIES)))
    assert sorted(met) == list(range(REPLIES)), "all met before the first reserved its place"
    return [found or attempt(number) for number, found in enumerate(outcomes)]


def sent_to_victim(relay: Relay) -> int:
    return sum(mail.recipient == VICTIM for mail in relay.mailer.sent)


def test_of_a_free_owners_forty_replies_at_once_one_goes_out(attacker: Relay) -> None:
    outcomes = reply_together(attacker)

    assert sent_to_victim(attacker) == 1
    assert outcomes.count(Replied(ReplyReason.FIRST_REPLY)) == 1
    assert outcomes.count(Dropped(DropReason.REPLIES_NEED_PREMIUM)) == REPLIES - 1
    assert AbuseCounter.objects.get().replies == 1


def test_of_a_premium_owners_forty_replies_at_once_the_days_limit_goes_out(
    attacker: Relay,
) -> None:
    Profile.objects.update(is_premium=True)
    attacker.policy = replace(attacker.policy, max_replies_per_day=5)

    outcomes = reply_together(attacker)

    assert sent_to_victim(attacker) == 5
    assert outcomes.count(Replied(ReplyReason.PREMIUM)) == 5
    assert Profile.objects.get().flagged_at is not None
    assert AbuseCounter.objects.get().replies == 5
