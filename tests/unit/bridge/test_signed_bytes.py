"""The bytes that an envelope's signature covers."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sns.envelope import Envelope, EnvelopeType, canonical, parse
from bridge.sns.reject_reasons import Rejected
from tests.unit.bridge.envelopes import TRICKY, a_confirmation, a_notification

AN_ENVELOPE = Envelope(
    type=EnvelopeType.NOTIFICATION,
    message_id="4d4dc071",
    topic_arn="arn:aws:sns:us-east-2:123456789012:topic",
    message="My Test\nMessagé",
    subject="My subject",
    timestamp="2019-01-31T04:37:04.321Z",
    token=None,
    subscribe_url=None,
    signature=b"",
    signature_version="1",
    signing_cert_url="",
)


SIGNED = """\
Message
My Test
Messagé
MessageId
4d4dc071
Subject
My subject
Timestamp
2019-01-31T04:37:04.321Z
TopicArn
arn:aws:sns:us-east-2:123456789012:topic
Type
Notification
"""

A_CONFIRMATION = replace(
    AN_ENVELOPE,
    type=EnvelopeType.UNSUBSCRIBE_CONFIRMATION,
    subject=None,
    token="t0ken",
    subscribe_url="https://sns.us-east-2.amazonaws.com/?Action=Confirm",
)
SIGNED_CONFIRMATION = """\
Message
My Test
Messagé
MessageId
4d4dc071
SubscribeURL
https://sns.us-east-2.amazonaws.com/?Action=Confirm
Timestamp
2019-01-31T04:37:04.321Z
Token
t0ken
TopicArn
arn:aws:sns:us-east-2:123456789012:topic
Type
UnsubscribeConfirmation
"""


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        (AN_ENVELOPE, SIGNED),
        (replace(AN_ENVELOPE, subject=None), SIGNED.replace("Subject\nMy subject\n", "")),
        (A_CONFIRMATION, SIGNED_CONFIRMATION),
    ],
    ids=["with a subject", "without", "a confirmation"],
)
def test_what_is_signed_is_what_sns_documents(envelope: Envelope, expected: str) -> None:
    assert canonical(envelope) == expected.encode()


def read_back(signed: bytes) -> dict[str, str]:
    """Read what is signed from its end, as the docstring of `canonical` says that one can."""
    lines = signed.decode().split("\n")[:-1]
    fields = {}
    while True:
        value, name = lines.pop(), lines.pop()
        fields[name] = value
        if name == "MessageId":
            return fields | {"Message": "\n".join(lines[1:])}


@given(
    message=TRICKY,
    subject=st.none() | TRICKY,
    message_id=TRICKY,
    kind=st.sampled_from([a_notification, a_confirmation]),
)
def test_no_two_envelopes_are_signed_as_the_same_bytes(
    message: str, subject: str | None, message_id: str, kind: object
) -> None:
    fields = a_notification() if kind is a_notification else a_confirmation()
    changed = fields | {"Message": message, "Subject": subject, "MessageId": message_id}
    try:
        envelope = parse(json.dumps(changed))
    except Rejected:
        return

    unsigned = {"Signature", "SignatureVersion", "SigningCertURL"}
    unsigned |= {"Subject"} if envelope.subject is None else set()
    expected = {name: value for name, value in changed.items() if name not in unsigned}
    assert read_back(canonical(envelope)) == expected
