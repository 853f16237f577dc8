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
    ("message", "mail_id", "received_at_ms"),
    [
        (
            {
                "notificationType": "Received",
                "mail": {"messageId": "ses-1", "timestamp": "2026-01-02T03:04:05.678Z"},
                "receipt": {"action": {"type": "S3", "objectKey": "in/ses-1"}},
            },
            "in/ses-1",
            1767323045678,
        ),
        (
            {
                "notificationType": "Received",
                "mail": {"messageId": "ses-1", "timestamp": "yesterday"},
                "receipt": {"action": {"type": "S3", "objectKey": "ann@owner.example/1"}},
            },
            "ses-1",
            None,
        ),
        ({"notificationType": "Received", "mail": {"messageId": "ses-1"}}, "ses-1", None),
        ({"notificationType": "Received", "mail": [], "receipt": {"action": 1}}, "", None),
        (
            {
                "eventType": "Bounce",
                "mail": {"messageId": "ses-2", "timestamp": "2026-01-02T03:04:05.678Z"},
            },
            "ses-2",
            None,
        ),
    ],
)
def test_a_notification_names_its_mail_and_when_it_was_received(
    message: dict[str, object], mail_id: str, received_at_ms: int | None
) -> None:
    """A bounce's time is when our mail was sent: it says nothing about the bounce's age."""
    route = route_of(carrying(json.dumps(message)))

    assert isinstance(route, ForWorkers)
    assert (route.mail_id, route.received_at_ms) == (mail_id, received_at_ms)


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


def test_the_send_of_a_canary_is_known_by_its_tag() -> None:
    tags = {"kind": ["forward"], "delivery": [DELIVERY], "canary": ["1"]}

    route = route_of(carrying(an_event("Send", tags)))

    assert route == SendConfirmed(DELIVERY, "0100-1", is_canary=True)


@pytest.mark.parametrize(
    ("timestamp", "at_ms"),
    [
        ("2016-10-14T05:02:16.645Z", 1476421336645),
        ("2016-10-14T05:02:16+00:00", 1476421336000),
        ("2016-10-14T05:02:16.645", None),
        ("yesterday", None),
        (1476421336645, None),
        (None, None),
    ],
)
def test_a_send_tells_when_ses_accepted_the_mail(timestamp: object, at_ms: int | None) -> None:
    mail = {"messageId": "0100-1", "tags": {"delivery": [DELIVERY]}, "timestamp": timestamp}
    message = json.dumps({"eventType": "Send", "mail": mail})

    assert route_of(carrying(message)) == SendConfirmed(DELIVERY, "0100-1", at_ms)


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
