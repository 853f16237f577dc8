"""Whose an envelope is: the table of forgeries."""

import base64
import json
from datetime import datetime, timedelta
from typing import NoReturn

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from bridge.sns import signature
from bridge.sns.envelope import parse
from bridge.sns.reject_reasons import RejectReason
from emails import wire
from emails.store.retention import DELIVERY_RETENTION
from tests.unit.bridge.envelopes import (
    BOTH_VERSIONS,
    NOW,
    RECEIVED,
    TOPIC,
    a_confirmation,
    a_notification,
    authenticate,
    our_signer,
    rejection,
    without,
)

FILE = "SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem"
FOREIGN_TOPIC = "arn:aws:sns:us-east-1:999999999999:mail"


def no_certificate(_url: str, _now: datetime) -> NoReturn:
    raise AssertionError("a certificate was asked for")


# --- what is genuine -----------------------------------------------------------------------------


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize(
    "message", [RECEIVED, "", "two\nlines\n", "\n", "naïve ☃ \U0001f4ec", "\0"]
)
def test_a_genuine_notification_is_authentic(message: str, version: str) -> None:
    envelope = authenticate(a_notification(message, version))

    assert (envelope.message, envelope.signature_version) == (message, version)


def test_the_subject_may_be_missing_or_null() -> None:
    fields = our_signer().sign(without(a_notification(), "Subject"))

    assert authenticate(fields).subject is None
    assert authenticate(fields | {"Subject": None}).subject is None


def test_the_order_of_the_fields_and_unsigned_ones_do_not_matter() -> None:
    fields = dict(reversed(a_notification().items()))

    assert authenticate(fields | {"UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/"})


def test_a_confirmation_is_authenticated_like_a_notification() -> None:
    assert authenticate(a_confirmation(Token="t0ken")).token == "t0ken"
    changed = a_confirmation() | {"Token": "another"}
    assert rejection(lambda: authenticate(changed)).reason is RejectReason.BAD_SIGNATURE


def test_a_notification_may_have_waited_as_long_as_sqs_keeps_it() -> None:
    assert authenticate(a_notification(Timestamp="2030-04-17T12:00:00.000Z"))
    assert authenticate(a_notification(Timestamp="2030-04-17T00:00:01.000Z"))


@pytest.mark.parametrize("timestamp", ["2030-04-16T23:59:59.000Z", "2012-04-25T21:49:25.719Z"])
def test_a_genuine_notification_that_may_be_forgotten_is_not_carried_out_again(
    timestamp: str,
) -> None:
    refused = rejection(lambda: authenticate(a_notification(Timestamp=timestamp)))

    assert (refused.reason, refused.detail) == (RejectReason.TOO_OLD, timestamp)


@pytest.mark.parametrize(
    ("timestamp", "is_refused"),
    [
        ("2030-05-01T12:15:00.000Z", False),
        ("2030-05-01T12:15:00.001Z", True),
        ("2031-05-01T12:00:00.000Z", True),
        ("2030-05-01T14:15:00.000+02:00", False),
    ],
)
def test_a_notification_from_the_future_would_still_come_in_when_it_is_forgotten(
    timestamp: str, is_refused: bool
) -> None:
    fields = a_notification(Timestamp=timestamp)

    if not is_refused:
        assert authenticate(fields)
        return
    assert rejection(lambda: authenticate(fields)).reason is RejectReason.FROM_THE_FUTURE


def test_what_comes_in_is_remembered_until_it_can_not_come_in_again() -> None:
    in_flight = timedelta(hours=11)  # PROCESS_EMAIL_MAX_LIFETIME_SECONDS, at most
    assert timedelta(hours=wire.MAX_AGE_HOURS) + in_flight < DELIVERY_RETENTION


@pytest.mark.parametrize("timestamp", ["yesterday", "2030-05-01T12:00:00.000Z#", "12:00", "0"])
def test_a_time_that_is_none_is_no_envelopes(timestamp: str) -> None:
    refused = rejection(lambda: authenticate(a_notification(Timestamp=timestamp)))

    assert refused.reason is RejectReason.NOT_AN_ENVELOPE


# --- forgeries -----------------------------------------------------------------------------------

GENUINE = a_notification("first line\nlast line")

FORGERIES: list[tuple[str, dict[str, str], RejectReason]] = [
    *(
        (f"another {name}", GENUINE | {name: GENUINE[name] + "0"}, RejectReason.BAD_SIGNATURE)
        for name in ["Message", "MessageId", "Subject", "Timestamp"]
    ),
    ("no subject", without(GENUINE, "Subject"), RejectReason.BAD_SIGNATURE),
    ("a subject of None", GENUINE | {"Subject": "None"}, RejectReason.BAD_SIGNATURE),
    ("no signature", GENUINE | {"Signature": ""}, RejectReason.BAD_SIGNATURE),
    ("a short signature", GENUINE | {"Signature": "AAAA"}, RejectReason.BAD_SIGNATURE),
    ("a long signature", GENUINE | {"Signature": "A" * 100_000}, RejectReason.BAD_SIGNATURE),
    ("zero as signature", GENUINE | {"Signature": "A" * 342 + "=="}, RejectReason.BAD_SIGNATURE),
    ("the other digest", GENUINE | {"SignatureVersion": "1"}, RejectReason.BAD_SIGNATURE),
    (
        "a confirmation made of a notification",
        GENUINE | {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "u"},
        RejectReason.BAD_SIGNATURE,
    ),
    (
        "a notification made of a confirmation",
        a_confirmation() | {"Type": "Notification"},
        RejectReason.BAD_SIGNATURE,
    ),
    (
        "the other confirmation",
        a_confirmation() | {"Type": "UnsubscribeConfirmation"},
        RejectReason.BAD_SIGNATURE,
    ),
]


@pytest.mark.parametrize(
    ("forged", "reason"),
    [pytest.param(forged, reason, id=name) for name, forged, reason in FORGERIES],
)
def test_a_forgery_is_rejected(forged: dict[str, str], reason: RejectReason) -> None:
    assert rejection(lambda: authenticate(forged)).reason is reason


FORGERIES_THAT_NEED_NO_CERTIFICATE: list[tuple[str, dict[str, str], RejectReason]] = [
    ("an unknown type", GENUINE | {"Type": "Message"}, RejectReason.UNKNOWN_TYPE),
    ("another's topic", a_notification(TopicArn=FOREIGN_TOPIC), RejectReason.WRONG_TOPIC),
    ("topic in capitals", GENUINE | {"TopicArn": TOPIC.upper()}, RejectReason.WRONG_TOPIC),
    ("part of a topic", GENUINE | {"TopicArn": TOPIC[:-1]}, RejectReason.WRONG_TOPIC),
    ("no topic", GENUINE | {"TopicArn": ""}, RejectReason.WRONG_TOPIC),
    ("version 0", GENUINE | {"SignatureVersion": "0"}, RejectReason.SIGNATURE_VERSION_REFUSED),
    ("version 3", GENUINE | {"SignatureVersion": "3"}, RejectReason.SIGNATURE_VERSION_REFUSED),
    (
        "another host",
        GENUINE | {"SigningCertURL": f"https://attacker.example/{FILE}"},
        RejectReason.WRONG_CERTIFICATE_URL,
    ),
    (
        "another region",
        GENUINE | {"SigningCertURL": f"https://sns.eu-west-1.amazonaws.com/{FILE}"},
        RejectReason.WRONG_CERTIFICATE_URL,
    ),
]


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        pytest.param(forged, reason, id=name)
        for name, forged, reason in FORGERIES_THAT_NEED_NO_CERTIFICATE
    ],
)
def test_a_plain_forgery_is_rejected_before_a_certificate_is_asked_for(
    forged: dict[str, str], reason: RejectReason
) -> None:
    def act() -> object:
        return signature.authenticate(
            json.dumps(forged),
            topics=[TOPIC],
            versions=[*BOTH_VERSIONS, "3"],
            certificate_at=no_certificate,
            now=NOW,
        )

    assert rejection(act).reason is reason


def test_a_genuine_signature_of_anothers_topic_proves_nothing() -> None:
    theirs = a_notification(TopicArn=FOREIGN_TOPIC)

    assert authenticate(theirs, topics=[FOREIGN_TOPIC])
    assert rejection(lambda: authenticate(theirs)).reason is RejectReason.WRONG_TOPIC


def test_line_breaks_do_not_move_text_from_one_field_to_another() -> None:
    genuine = a_notification("real\nMessageId\nchosen\nSubject\nby the forger", MessageId="id")
    rest = f"by the forger\nMessageId\nid\nSubject\n{genuine['Subject']}"
    forged = genuine | {"Message": "real", "MessageId": "chosen", "Subject": rest}

    # The signature is right for both, so that nothing but the shape can tell them apart.
    assert our_signer().sign(forged)["Signature"] == genuine["Signature"]
    assert rejection(lambda: authenticate(forged)).reason is RejectReason.NOT_AN_ENVELOPE


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_a_version_can_be_refused(version: str) -> None:
    other = "1" if version == "2" else "2"
    genuine = a_notification(version=version)

    assert authenticate(genuine, versions=[version])
    refused = rejection(lambda: authenticate(genuine, versions=[other]))
    assert refused.reason is RejectReason.SIGNATURE_VERSION_REFUSED
    assert refused.detail == version


@given(
    name=st.sampled_from(["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]),
    value=st.none() | st.text(),
)
def test_no_signed_field_can_be_changed(name: str, value: str | None) -> None:
    if value != GENUINE[name]:
        rejection(lambda: authenticate(GENUINE | {name: value}))


@given(place=st.integers(0, 255), bit=st.integers(0, 7))
def test_no_bit_of_the_signature_can_be_changed(place: int, bit: int) -> None:
    envelope = parse(json.dumps(GENUINE))
    signature = bytearray(envelope.signature)
    signature[place] ^= 1 << bit
    forged = GENUINE | {"Signature": base64.b64encode(signature).decode()}

    assert rejection(lambda: authenticate(forged)).reason is RejectReason.BAD_SIGNATURE


def test_a_forged_envelope_costs_one_look_for_the_certificate() -> None:
    asked = []

    def certificate_at(url: str, _now: datetime) -> x509.Certificate:
        asked.append(url)
        return our_signer().certificate

    forged = json.dumps(a_notification("x" * 10_000) | {"Message": "y" * 10_000})

    rejected = rejection(
        lambda: signature.authenticate(
            forged,
            topics=(TOPIC,),
            versions=BOTH_VERSIONS,
            certificate_at=certificate_at,
            now=NOW,
        )
    )

    assert (rejected.reason, len(asked)) == (RejectReason.BAD_SIGNATURE, 1)
