"""The canary: sent to our own mask, and whatever goes wrong with it is noted, not raised."""

import dataclasses
import email
from datetime import UTC, datetime

import pytest

from emails.flow.canaries import is_canary, send_canary
from emails.values.deliveries import SendInDoubt
from emails.values.errors import Refused, Unavailable
from emails.values.outcomes import RefuseReason, RetryReason
from runtime.dependencies import Dependency
from tests.fakes import FakeCanary, FakeMailer
from tests.unit.emails.builders import POLICY

NOW = datetime(2026, 11, 26, tzinfo=UTC)
MASK = "canary@masks.example"
OURS = dataclasses.replace(POLICY, canary_mask=MASK)


def test_a_mail_goes_to_our_own_mask() -> None:
    mailer, canary = FakeMailer(), FakeCanary()

    send_canary(OURS, mailer, canary, NOW)

    (sent,) = mailer.sent
    assert (sent.sender, sent.recipient) == (OURS.from_address, MASK)
    assert email.message_from_bytes(sent.raw)["To"] == MASK
    assert canary.steps == ["begun", "sent"]


def test_without_a_mask_none_is_sent() -> None:
    mailer, canary = FakeMailer(), FakeCanary()

    send_canary(POLICY, mailer, canary, NOW)

    assert (mailer.sent, canary.steps) == ([], [])


@pytest.mark.parametrize(
    ("failure", "step"),
    [
        (
            Unavailable(RetryReason.SENDER_UNAVAILABLE, Dependency.SES, "AccessDeniedException"),
            "not sent: AccessDeniedException",
        ),
        (Refused(RefuseReason.SEND_REJECTED), "not sent: send_rejected"),
        (SendInDoubt(), "not sent: no_answer"),
    ],
)
def test_one_that_can_t_be_sent_is_noted(failure: Exception, step: str) -> None:
    mailer, canary = FakeMailer(), FakeCanary()
    mailer.fails = [failure]

    send_canary(OURS, mailer, canary, NOW)

    assert canary.steps == ["begun", step]


def test_only_its_own_mask_is_the_canarys() -> None:
    assert is_canary(OURS, "Canary@masks.example")
    assert not is_canary(OURS, "canary2@masks.example")
    assert not is_canary(POLICY, MASK)
