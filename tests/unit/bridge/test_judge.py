"""What one message shows, as a table: about itself, and about our settings and certificates."""

import json
from collections.abc import Mapping
from functools import partial

import pytest

from bridge.breakers import BLAMES, CERTIFICATE_MISSING
from bridge.dispositions import Disposition
from bridge.judge import Judge, Judgement, Suspect, Undecided, has_passed, received_at_ms
from bridge.ledger.dispatch import Work
from bridge.messages import Message
from bridge.sns.certificates import CertificateUnavailable, HostUnavailable
from bridge.sns.envelope import Envelope
from bridge.sns.reject_reasons import RejectReason
from bridge.sns.routing import SendConfirmed
from runtime.message_context import MessageContext, from_text
from tests.fake_queue import FakeQueue
from tests.seals import SEALS
from tests.unit.bridge.envelopes import (
    RECEIVED,
    TOPIC,
    a_confirmation,
    a_notification,
    authenticate,
)

GENUINE = a_notification()
SEND = json.dumps(
    {
        "eventType": "Send",
        "mail": {"messageId": "0100-1", "tags": {"delivery": ["12-0f3a5c7d9e1b"]}},
    }
)


def suspected(reason: RejectReason) -> Suspect:
    return Suspect(BLAMES[reason], Disposition.REJECTED)


def judge(body: str | Mapping[str, object], *, fails: Exception | None = None) -> Judgement:
    def check(text: str) -> Envelope:
        if fails is not None:
            raise fails
        return authenticate(text, versions=["2"])

    judging = Judge(
        FakeQueue(), check, SEALS.seal, delete_failed_messages=False, confirm_subscriptions=False
    )
    text = body if isinstance(body, str) else json.dumps(body)
    return judging.judge(Message("m1", "h1", text, receive_count=1, sent_at_ms=0))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (a_notification('{"eventType": "Open"}'), Disposition.UNNEEDED),
        ("{}", Disposition.REJECTED),
        (a_notification("hello"), Disposition.REJECTED),
        (GENUINE | {"Message": "changed"}, Disposition.REJECTED),
        (a_confirmation(), Disposition.REJECTED),
        (GENUINE | {"TopicArn": f"{TOPIC}2"}, suspected(RejectReason.WRONG_TOPIC)),
        (a_notification(version="1"), suspected(RejectReason.SIGNATURE_VERSION_REFUSED)),
        (RECEIVED, suspected(RejectReason.RAW_DELIVERY)),
    ],
    ids=[
        "unneeded",
        "no envelope",
        "not SES's",
        "forged",
        "confirmation",
        "topic",
        "version",
        "raw",
    ],
)
def test_what_a_message_is(body: str | Mapping[str, object], expected: Judgement) -> None:
    assert judge(body) == expected


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (HostUnavailable("sns…: TimeoutError", code="TimeoutError"), Undecided("TimeoutError")),
        (CertificateUnavailable("a.pem: empty", code="wrong_file"), Undecided("wrong_file")),
        (
            CertificateUnavailable("sns… answered 404", may_be_forged=True),
            Suspect(CERTIFICATE_MISSING, Disposition.DEFERRED),
        ),
        (RuntimeError(), Disposition.ERROR),
    ],
)
def test_what_it_is_when_it_cant_be_verified(failure: Exception, expected: Judgement) -> None:
    assert judge(GENUINE, fails=failure) == expected


@pytest.mark.parametrize(
    ("judgement", "expected"),
    [
        (judge(GENUINE), True),
        (judge(a_notification(SEND)), True),
        (Disposition.UNNEEDED, True),
        (Disposition.CONFIRMED, True),
        (Disposition.REJECTED, False),
        (Disposition.ERROR, False),
        (Undecided("503"), False),
        (suspected(RejectReason.WRONG_TOPIC), False),
    ],
    ids=lambda one: getattr(one, "value", type(one).__name__),
)
def test_only_a_genuine_message_shows_that_settings_and_certificates_are_right(
    judgement: Judgement, expected: bool
) -> None:
    assert has_passed(judgement) is expected


def test_mails_and_confirmed_sends_are_told_apart() -> None:
    assert isinstance(judge(GENUINE), Work)
    assert isinstance(judge(a_notification(SEND)), SendConfirmed)


@pytest.mark.parametrize(
    ("said_ms", "sent_ms", "received_ms"),
    [
        (1_000, 2_000, 1_000),
        (2_000, 2_000, 2_000),
        (2_001, 2_000, 2_000),  # after SQS had the notification: SES's clock is not believed
        (None, 2_000, 2_000),
        (0, 2_000, 2_000),
        (-5, 2_000, 2_000),
    ],
)
def test_a_mail_was_received_before_its_notification_was_sent(
    said_ms: int | None, sent_ms: int, received_ms: int
) -> None:
    assert received_at_ms(said_ms, sent_ms) == received_ms


def test_a_message_for_the_workers_says_which_mail_it_is() -> None:
    content = {
        "notificationType": "Received",
        "mail": {"messageId": "ses-1", "timestamp": "2026-01-02T03:04:05.678Z"},
    }
    signed = a_notification(json.dumps(content))
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"

    judging = Judge(
        FakeQueue(),
        partial(authenticate, versions=["2"]),
        SEALS.seal,
        delete_failed_messages=False,
        confirm_subscriptions=False,
    )
    work = judging.judge(
        Message("m1", "h1", json.dumps(signed), 1, 1767323046000, trace_header=header)
    )

    assert isinstance(work, Work)
    assert work.about == MessageContext(
        *("m1", signed["MessageId"], "ses-1", "5759e988bd862e3fe1be46a994272793", 1767323045678)
    )
    assert from_text("m1", work.message.options["about"]) == work.about
