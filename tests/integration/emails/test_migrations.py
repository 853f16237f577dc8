"""The pauses of the release before become open breakers."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from emails.models import MailboxBreaker
from emails.values.outcomes import Held, HeldReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("hard", "soft", "expected"),
    [
        (None, None, []),
        (1, None, [("ann@owner.example", "gone", 0)]),
        (29, 3, [("ann@owner.example", "gone", 0)]),
        (None, 0.5, [("ann@owner.example", "unreachable", 0)]),
        (40, 0.5, [("ann@owner.example", "unreachable", 0)]),
        (31, 2, []),
    ],
)
def test_whoever_is_paused_gets_an_open_breaker_whose_probe_is_due(
    relay: Relay, hard: float | None, soft: float | None, expected: list[Any]
) -> None:
    owner, now = an_owner(), datetime.now(UTC)
    a_mask(owner)
    an_owner("bob@owner.example")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE emails_profile SET hard_bounced_at = %s, soft_bounced_at = %s WHERE id = %s",
            [days and now - days * DAY for days in (hard, soft)] + [owner.pk],
        )

        cursor.execute(import_module("emails.migrations.0006_mailbox_breaker").OPEN)

    rows = MailboxBreaker.objects.values_list("address", "meaning", "step")
    assert list(rows) == expected
    if expected:
        assert MailboxBreaker.objects.get().next_probe_at <= datetime.now(UTC)
        assert relay.arrive("x7k2@masks.example") == (Held(HeldReason.MAILBOX),)
