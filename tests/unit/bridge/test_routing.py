"""Which actors' queue a notification is for, and what is for none."""

import json
import traceback

import pytest

from bridge.sns.envelope import Envelope, EnvelopeType, parse
from bridge.sns.reject_reasons import RejectReason
from bridge.sns.routing import actor_queue
from emails import wire
from tests.unit.bridge.envelopes import RECEIVED, a_notification, rejection


def carrying(message: str, kind: EnvelopeType = EnvelopeType.NOTIFICATION) -> Envelope:
    fields = a_notification(message)
    if kind is not EnvelopeType.NOTIFICATION:
        fields |= {"Type": kind, "Token": "t0ken", "SubscribeURL": "https://relay.example/"}
    return parse(json.dumps(fields))


@pytest.mark.parametrize(
    ("message", "queue"),
    [
        ('{"notificationType": "Received"}', wire.INBOUND_QUEUE),
        ('{"notificationType": "Bounce"}', wire.FEEDBACK_QUEUE),
        ('{"notificationType": "Complaint"}', wire.FEEDBACK_QUEUE),
        ('{"eventType": "Bounce"}', wire.FEEDBACK_QUEUE),
        ('{"eventType": "Complaint"}', wire.FEEDBACK_QUEUE),
    ],
)
def test_a_notification_goes_to_the_queue_of_its_type(message: str, queue: str) -> None:
    assert actor_queue(carrying(message)) == queue


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "Successfully validated SNS topic for Amazon SES event publishing.",
            RejectReason.TOPIC_VALIDATION,
        ),
        (
            '{"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have ..."}',
            RejectReason.TOPIC_VALIDATION,
        ),
        ("", RejectReason.NOT_A_NOTIFICATION),
        ("hello", RejectReason.NOT_A_NOTIFICATION),
        ("[" * 200_000, RejectReason.NOT_A_NOTIFICATION),
        ("9" * 5_000, RejectReason.NOT_A_NOTIFICATION),
        ("[]", RejectReason.NOT_A_NOTIFICATION),
        ("{}", RejectReason.NOT_A_NOTIFICATION),
        ('{"notificationType": null}', RejectReason.NOT_A_NOTIFICATION),
        ('{"notificationType": ["Received"]}', RejectReason.NOT_A_NOTIFICATION),
        ('{"notificationType": "received"}', RejectReason.NOT_A_NOTIFICATION),
        ('{"eventType": "Delivery"}', RejectReason.NOT_A_NOTIFICATION),
    ],
    ids=lambda value: value if isinstance(value, RejectReason) else value[:40],
)
def test_what_no_actor_works_on_is_rejected(message: str, reason: RejectReason) -> None:
    assert rejection(lambda: actor_queue(carrying(message))).reason is reason


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (EnvelopeType.SUBSCRIPTION_CONFIRMATION, RejectReason.SUBSCRIPTION_CONFIRMATION),
        (EnvelopeType.UNSUBSCRIBE_CONFIRMATION, RejectReason.UNSUBSCRIBE_CONFIRMATION),
    ],
)
def test_a_confirmation_is_no_notification_whatever_its_text(
    kind: EnvelopeType, reason: RejectReason
) -> None:
    refused = rejection(lambda: actor_queue(carrying(RECEIVED, kind)))

    assert refused.reason is reason
    assert "t0ken" not in str(refused)


def test_a_rejection_names_what_is_plain_and_hides_the_rest() -> None:
    plain = rejection(lambda: actor_queue(carrying('{"eventType": "Delivery"}')))
    hidden = rejection(lambda: actor_queue(carrying('{"eventType": "a@sender.example"}')))

    assert str(plain) == "not_a_notification: Delivery"
    assert str(hidden) == "not_a_notification: (not shown)"


def test_a_rejection_shows_nothing_of_the_notification() -> None:
    secret = "visitor@sender.example"
    refused = rejection(lambda: actor_queue(carrying(secret)))

    assert secret not in "".join(traceback.format_exception(refused))
