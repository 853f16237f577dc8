"""An owner whose mailbox bounces, the jobs that probe it, and the time that passes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from emails.flow import mailbox_probes
from emails.models import MailboxBreaker, Profile
from emails.values.outcomes import Held, HeldReason
from tests.integration.emails.conftest import FORWARDED, Relay, a_mask, an_owner
from tests.unit.emails.builders import POLICY, bounce

MASK = "x7k2@masks.example"
HELD = (Held(HeldReason.MAILBOX),)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WAIT = POLICY.probe_wait


@pytest.fixture
def owner(relay: Relay) -> Profile:
    """An owner with a mask."""
    profile = an_owner()
    a_mask(profile)
    return profile


def pass_time(passed: timedelta) -> None:
    """Let time pass for the breakers, by the database's clock."""
    MailboxBreaker.objects.update(
        next_probe_at=F("next_probe_at") - passed,
        probe_sent_at=F("probe_sent_at") - passed,
        opened_at=F("opened_at") - passed,
    )


def run_jobs(relay: Relay) -> None:
    """Run the jobs of a minute."""
    mailbox_probes.drive(relay.ports(), relay.now)
    relay.release_held()


def bounce_of(relay: Relay, number: int, **evidence: Any) -> dict[str, Any]:
    """The bounce of the mail that was sent as number so-and-so: its mailbox is gone."""
    sent = relay.mailer.sent[number]
    said = {"status": "5.1.1", "action": "failed", "destination": [sent.recipient]}
    return bounce(sent.recipient, shape="eventType", tags=dict(sent.tags), **said | evidence)


def open_breaker(relay: Relay, **evidence: Any) -> None:
    """Forward a mail, and let it bounce."""
    assert relay.arrive(MASK) == (FORWARDED,)
    relay.notify(bounce_of(relay, -1, **evidence))


def steps() -> list[int]:
    return list(MailboxBreaker.objects.values_list("step", flat=True))
