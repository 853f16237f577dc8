"""P4: every outcome is logged and counted once, without any part of the mail. Lesson 20."""

import logging
from typing import Any

import pytest
from markus.testing import MetricsMock

from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RetryReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.unit.emails.builders import bounce

SECRETS = ("ann@", "bob@", "x7k2", "owner.example", "sender.example", "Hello", "Good morning")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that our code logs."""
    caplog.set_level(logging.DEBUG, "emails")
    return caplog


def fields(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in log.records]


def test_an_outcome_is_logged_and_counted_once(relay: Relay, log: pytest.LogCaptureFixture) -> None:
    mask = a_mask(an_owner())

    with MetricsMock() as metrics:
        relay.arrive("x7k2@masks.example", sns_message_id="id-1")

    (line,) = fields(log)
    assert line["message"] == "settled"
    assert (line["outcome"], line["reason"]) == ("forwarded", "existing_mask")
    assert (line["sns_message_id"], line["mask_id"]) == ("id-1", f"random-{mask.pk}")
    metrics.assert_incr_once("emails.outcome", tags=["outcome:forwarded", "reason:existing_mask"])


def test_a_redelivered_notification_is_not_counted_again(
    relay: Relay, log: pytest.LogCaptureFixture
) -> None:
    a_mask(an_owner())
    relay.arrive("x7k2@masks.example", sns_message_id="id-1")

    with MetricsMock() as metrics:
        relay.arrive("x7k2@masks.example", sns_message_id="id-1")

    assert fields(log)[-1]["message"] == "settled before"
    metrics.assert_not_incr("emails.outcome")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (NotFinished(RetryReason.SENDER_THROTTLED, "Throttling"), "sender_throttled"),
        (Refused("mail_store_rejected", "Throttling"), "mail_store_rejected"),
    ],
)
def test_a_failure_is_logged_with_its_reason_and_awss_code(
    relay: Relay, log: pytest.LogCaptureFixture, failure: Exception, reason: str
) -> None:
    a_mask(an_owner())
    relay.mailer.fails = [failure]

    with pytest.raises(type(failure)):
        relay.arrive("x7k2@masks.example")

    (line,) = fields(log)
    assert (line["message"], line["reason"]) == ("not settled", reason)
    assert line["error_code"] == "Throttling"
    assert line["exc_info"] is None


class Talkative(Exception):
    """A library's exception, whose `reason` is not one of ours."""

    reason = "can't write to bob@sender.example"


@pytest.mark.parametrize("bug", [TypeError(), Talkative()], ids=lambda bug: type(bug).__name__)
def test_a_bug_is_logged_with_its_traceback(
    relay: Relay, log: pytest.LogCaptureFixture, bug: Exception
) -> None:
    relay.mail_store.fails = [bug]
    a_mask(an_owner())

    with MetricsMock() as metrics, pytest.raises(type(bug)):
        relay.arrive("x7k2@masks.example")

    (line,) = fields(log)
    assert line["reason"] == "unexpected_error"
    assert line["exc_info"]
    metrics.assert_incr_once("emails.not_settled", tags=["reason:unexpected_error", "code:none"])


@pytest.mark.parametrize("allows_metrics", [False, True])
def test_a_mask_is_named_by_its_row_alone(
    relay: Relay, log: pytest.LogCaptureFixture, allows_metrics: bool
) -> None:
    """`random-7` is opaque: only the database resolves it. Metrics don't tell masks apart."""
    owner = an_owner(removes_trackers=True, allows_metrics=allows_metrics)
    masks = [a_mask(owner, "x7k2"), a_mask(owner, "y8m3")]

    with MetricsMock() as metrics:
        relay.arrive("x7k2@masks.example", "y8m3@masks.example")

    logged = [line["mask_id"] for line in fields(log)]
    assert logged == [f"random-{mask.pk}" for mask in masks]
    written = str([*fields(log), *metrics.get_records()])
    assert "x7k2" not in written
    assert "y8m3" not in written
    assert "random-" not in str(metrics.get_records())


def test_no_part_of_a_mail_is_in_any_log_line(relay: Relay, log: pytest.LogCaptureFixture) -> None:
    a_mask(an_owner())
    relay.arrive("x7k2@masks.example", "nobody@masks.example", "noreply@masks.example")
    relay.arrive("x7k2@masks.example", virus="FAIL")
    relay.arrive("replies@masks.example")
    relay.notify(bounce("ann@owner.example", "eve@owner.example"))

    written = str([(line["msg"], {**line}) for line in fields(log)])

    assert len(log.records) == 8
    assert [secret for secret in SECRETS if secret in written] == []
