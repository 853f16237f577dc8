"""Envelopes: what is read as one, and what is refused."""

import contextlib
import json
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sns.envelope import EnvelopeType, canonical, parse
from bridge.sns.reject_reasons import Rejected, RejectReason
from tests.unit.bridge.envelopes import TOPIC, TRICKY, a_confirmation, a_notification, without

SAMPLES = sorted((Path(__file__).parents[2] / "golden" / "samples").glob("*.json"))
LINE_FIELDS = ["MessageId", "Subject", "Timestamp", "TopicArn", "SigningCertURL", "Signature"]


def rejection(body: object) -> Rejected:
    with pytest.raises(Rejected) as caught:
        parse(body if isinstance(body, str) else json.dumps(body))
    return caught.value


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_what_ses_really_sent_is_read(sample: Path) -> None:
    envelope = parse(sample.read_text())

    assert envelope.type is EnvelopeType.NOTIFICATION
    assert envelope.topic_arn.startswith("arn:aws:sns:us-east-1:")
    assert envelope.signature_version == "1"
    assert len(envelope.signature) == 256
    assert json.loads(envelope.message)["notificationType"] in {"Received", "Bounce"}


def test_there_are_samples() -> None:
    assert len(SAMPLES) == 3


def test_a_confirmation_has_its_token() -> None:
    envelope = parse(json.dumps(a_confirmation(Token="t0ken")))

    assert envelope.type is EnvelopeType.SUBSCRIPTION_CONFIRMATION
    assert envelope.token == "t0ken"
    assert envelope.subscribe_url


def test_what_is_not_signed_in_a_type_is_not_read_from_it() -> None:
    confirmation = parse(json.dumps(a_confirmation() | {"Subject": "free to choose"}))
    notification = parse(json.dumps(a_notification() | {"Token": "t", "SubscribeURL": "u"}))

    assert confirmation.subject is None
    assert (notification.token, notification.subscribe_url) == (None, None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", RejectReason.NOT_JSON),
        ("hello", RejectReason.NOT_JSON),
        ("\ufeff{}", RejectReason.NOT_JSON),
        ('{"Type": NaN}', RejectReason.NOT_JSON),
        ('{"Type": -Infinity}', RejectReason.NOT_JSON),
        ("[" * 200_000, RejectReason.NOT_JSON),
        ('{"Type":' * 200_000, RejectReason.NOT_JSON),
        ("9" * 5_000, RejectReason.NOT_JSON),
        ("[]", RejectReason.NOT_AN_ENVELOPE),
        ("null", RejectReason.NOT_AN_ENVELOPE),
        ('"Notification"', RejectReason.NOT_AN_ENVELOPE),
        ("{}", RejectReason.NOT_AN_ENVELOPE),
        ('{"Records": []}', RejectReason.NOT_AN_ENVELOPE),
        ('{"notificationType": "Received", "mail": {}}', RejectReason.RAW_DELIVERY),
        ('{"eventType": "Bounce", "mail": {}}', RejectReason.RAW_DELIVERY),
        ('{"Type": "Notice"}', RejectReason.UNKNOWN_TYPE),
        ('{"Type": "notification"}', RejectReason.UNKNOWN_TYPE),
        ('{"Type": ["Notification"]}', RejectReason.NOT_AN_ENVELOPE),
    ],
    ids=lambda value: value if isinstance(value, RejectReason) else value[:20],
)
def test_what_is_no_envelope_is_rejected_with_its_reason(body: str, reason: RejectReason) -> None:
    assert rejection(body).reason is reason


def test_raw_delivery_tells_what_to_do() -> None:
    assert "turn off raw message delivery" in str(rejection('{"notificationType": "Received"}'))


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ["text"]])
@pytest.mark.parametrize("name", sorted(a_notification().keys() - {"Subject"}))
def test_every_field_must_be_text(name: str, value: object) -> None:
    assert rejection(a_notification() | {name: value}).reason is RejectReason.NOT_AN_ENVELOPE


@pytest.mark.parametrize("name", sorted(a_confirmation().keys() - {"Type"}))
def test_no_field_of_a_confirmation_may_be_missing(name: str) -> None:
    assert rejection(without(a_confirmation(), name)).reason is RejectReason.NOT_AN_ENVELOPE


@pytest.mark.parametrize("name", sorted(a_notification().keys() - {"Type", "Subject"}))
def test_no_field_of_a_notification_may_be_missing(name: str) -> None:
    assert rejection(without(a_notification(), name)).reason is RejectReason.NOT_AN_ENVELOPE


@pytest.mark.parametrize("name", sorted(a_notification()))
def test_no_key_may_stand_twice(name: str) -> None:
    again = json.dumps({name: a_notification()[name]})
    body = json.dumps(a_notification()).removesuffix("}") + ", " + again.removeprefix("{")

    assert rejection(body).detail == "a key appears twice"


@pytest.mark.parametrize("text", ["é", "a b=", "QQ", "QQ=", "QR==", "QQ==\n", "QQ==QQ==", "-_8="])
def test_the_signature_is_strict_base64(text: str) -> None:
    assert rejection(a_notification() | {"Signature": text}).reason is RejectReason.NOT_AN_ENVELOPE


@pytest.mark.parametrize("junk", ["\n", "\r", "\0", "\x7f"])
@pytest.mark.parametrize("name", LINE_FIELDS)
def test_all_but_the_message_are_single_lines(name: str, junk: str) -> None:
    fields = a_notification()

    assert rejection(fields | {name: fields[name] + junk}).reason is RejectReason.NOT_AN_ENVELOPE


@pytest.mark.parametrize("name", ["Message", "Subject", "MessageId", "Type"])
def test_half_a_surrogate_pair_is_rejected(name: str) -> None:
    assert rejection(a_notification() | {name: "\ud800"}).reason is RejectReason.NOT_AN_ENVELOPE


def test_the_certificates_url_may_be_spelt_as_for_lambda() -> None:
    fields = a_notification()
    url = fields.pop("SigningCertURL")

    assert parse(json.dumps(fields | {"SigningCertUrl": url})).signing_cert_url == url


def test_two_spellings_of_the_certificates_url_must_agree() -> None:
    fields = a_notification()
    url = fields["SigningCertURL"]

    assert parse(json.dumps(fields | {"SigningCertUrl": url})).signing_cert_url == url
    assert rejection(fields | {"SigningCertUrl": url[:-5]}).reason is RejectReason.NOT_AN_ENVELOPE
    assert rejection(fields | {"SigningCertUrl": None}).reason is RejectReason.NOT_AN_ENVELOPE


def test_a_rejection_shows_nothing_of_the_body() -> None:
    secret = "visitor@sender.example"
    bodies = [
        secret,
        json.dumps([secret]),
        json.dumps(a_notification() | {"Type": secret}),
        *(
            json.dumps(a_notification() | {name: secret + "\ud800\n"})
            for name in [*LINE_FIELDS, "Type", "Message"]
        ),
    ]
    for body in bodies:
        shown = "".join(traceback.format_exception(rejection(body)))
        assert secret not in shown


def test_an_envelope_shows_no_content_and_no_token() -> None:
    notification = parse(json.dumps(a_notification("the-content", Subject="the-subject")))
    confirmation = parse(json.dumps(a_confirmation(Token="the-token", SubscribeURL="the-url")))

    assert TOPIC in repr(notification)
    for word in ["the-content", "the-subject", "the-token", "the-url"]:
        assert word not in repr(notification) + repr(confirmation)


# --- anything ------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(exclude_categories=())) | TRICKY
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
NEARLY = st.dictionaries(
    st.sampled_from([*a_notification(), "Token", "SubscribeURL", "SigningCertUrl"]), ANY_JSON
)


def is_read_or_rejected(body: str) -> None:
    with contextlib.suppress(Rejected):
        canonical(parse(body))


@given(ANY_TEXT)
def test_any_text_is_an_envelope_or_rejected(body: str) -> None:
    is_read_or_rejected(body)


@given(ANY_JSON)
def test_any_json_is_an_envelope_or_rejected(value: object) -> None:
    is_read_or_rejected(json.dumps(value))


@pytest.mark.slow
@given(NEARLY, st.sampled_from([a_notification(), a_confirmation()]))
def test_any_change_of_a_genuine_envelope_is_one_or_rejected(
    changes: dict[str, object], fields: dict[str, str]
) -> None:
    is_read_or_rejected(json.dumps(fields | changes))
