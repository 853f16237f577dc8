"""Which actors' queue a notification is for, and what is for none."""

import json
import traceback

import pytest

from bridge.sns.envelope import Envelope, EnvelopeType, parse
from bridge.sns.reject_reasons import RejectReason
from bridge.sns.routing import ForWorkers, Route, SendConfirmed, Unneeded, route_of
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
    assert route_of(carrying(message)) == ForWorkers(queue)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", RejectReason.NOT_A_NOTIFICATION),
        ("hello", RejectReason.NOT_A_NOTIFICATION),
        ("[" * 200_000, RejectReason.NOT_A_NOTIFICATION),
        ("9" * 5_000, RejectReason.NOT_A_NOTIFICATION),
        ("[]", RejectReason.NOT_A_NOTIFICATION),
        ("{}", RejectReason.NOT_A_NOTIFICATION),
        ('{"notificationType": null}', RejectReason.NOT_A_NOTIFICATION),
        ('{"notificationType": ["Received"]}', RejectReason.NOT_A_NOTIFICATION),
        ('{"notificationType": "received"}', RejectReason.NOT_A_NOTIFICATION),
        ('{"eventType": "delivery"}', RejectReason.NOT_A_NOTIFICATION),
        ('{"eventType": ["Send"]}', RejectReason.NOT_A_NOTIFICATION),
    ],
    ids=lambda value: value if isinstance(value, RejectReason) else value[:40],
)
def test_what_no_actor_works_on_is_rejected(message: str, reason: RejectReason) -> None:
    assert rejection(lambda: route_of(carrying(message))).reason is reason


VALIDATED = "Successfully validated SNS topic for Amazon SES event publishing."
DELIVERY = "12-0f3a5c7d9e1b"


def an_event(kind: str, tags: object, ses_id: object = "0100-1") -> str:
    return json.dumps({"eventType": kind, "mail": {"messageId": ses_id, "tags": tags}})


@pytest.mark.parametrize(
    ("message", "route"),
    [
        (VALIDATED, Unneeded("AmazonSnsSubscriptionSucceeded")),
        (
            '{"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have ..."}',
            Unneeded("AmazonSnsSubscriptionSucceeded"),
        ),
        *[
            (an_event(kind, {"delivery": [DELIVERY]}), Unneeded(kind, "0100-1"))
            for kind in (
                *("Delivery", "DeliveryDelay", "Open", "Click"),
                *("Reject", "Rendering Failure", "Subscription"),
            )
        ],
        ('{"eventType": "Open"}', Unneeded("Open")),
        ('{"eventType": "Open", "mail": []}', Unneeded("Open")),
    ],
)
def test_what_ses_publishes_and_nobody_needs_is_no_reject(message: str, route: Route) -> None:
    assert route_of(carrying(message)) == route


def test_the_send_of_a_delivery_is_confirmed_with_sess_id() -> None:
    tags = {"kind": ["forward"], "delivery": [DELIVERY], "ses:configuration-set": ["relay"]}

    assert route_of(carrying(an_event("Send", tags))) == SendConfirmed(DELIVERY, "0100-1")


@pytest.mark.parametrize(
    ("tags", "ses_id"),
    [
        ({}, "0100-1"),
        (None, "0100-1"),
        ([DELIVERY], "0100-1"),
        ({"delivery": DELIVERY}, "0100-1"),
        ({"delivery": []}, "0100-1"),
        ({"delivery": [DELIVERY, DELIVERY]}, "0100-1"),
        ({"delivery": ["12"]}, "0100-1"),
        ({"delivery": ["12-0f3a5c7d9e1b:x"]}, "0100-1"),
        ({"delivery": [DELIVERY]}, ""),
        ({"delivery": [DELIVERY]}, None),
        ({"delivery": [DELIVERY]}, "two words"),
    ],
)
def test_the_send_of_somebody_elses_mail_confirms_nothing(tags: object, ses_id: object) -> None:
    assert isinstance(route_of(carrying(an_event("Send", tags, ses_id))), Unneeded)


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
    refused = rejection(lambda: route_of(carrying(RECEIVED, kind)))

    assert refused.reason is reason
    assert "t0ken" not in str(refused)


def test_a_rejection_names_what_is_plain_and_hides_the_rest() -> None:
    plain = rejection(lambda: route_of(carrying('{"eventType": "Party"}')))
    hidden = rejection(lambda: route_of(carrying('{"eventType": "a@sender.example"}')))

    assert str(plain) == "not_a_notification: Party"
    assert str(hidden) == "not_a_notification: (not shown)"


def test_a_rejection_shows_nothing_of_the_notification() -> None:
    secret = "visitor@sender.example"
    refused = rejection(lambda: route_of(carrying(secret)))

    assert secret not in "".join(traceback.format_exception(refused))
