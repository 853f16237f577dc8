"""SES gets the mail byte for byte, and sending a large mail needs little memory."""

import json
import tracemalloc
from base64 import b64decode
from typing import Any, cast

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from emails.edges import ses
from emails.edges.ses import SesMailer
from emails.values.deliveries import Outgoing, SendInDoubt
from runtime.aws import make_session

PIECE = ses._PIECE_BYTES


@pytest.fixture
def sent() -> list[dict[str, Any]]:
    """The bodies of the requests that the mailer sent."""
    return []


@pytest.fixture(scope="module")
def session() -> boto3.session.Session:
    """Shared by all clients: it caches the description of SES's API."""
    return make_session("us-east-1")


@pytest.fixture
def mailer(sent: list[dict[str, Any]], session: boto3.session.Session) -> SesMailer:
    """A mailer whose requests are answered before they reach the network."""
    mailer = ses.connect(session, "set")

    def answer(request: Any, **_: object) -> AWSResponse:
        length = int(request.headers["Content-Length"])
        body = request.body.read()
        assert len(body) == length
        sent.append(json.loads(body))
        response = AWSResponse(request.url, 200, HTTPHeaders(), None)
        response.__dict__["_content"] = b'{"MessageId": "id-1"}'
        return response

    mailer._client.meta.events.register("before-send.sesv2.SendEmail", cast("Any", answer))
    return mailer


def outgoing(raw: bytes) -> Outgoing:
    return Outgoing(
        raw=raw,
        # Hostile: it looks like the placeholder for the mail, and must not be replaced.
        sender='"Data": ""@masks.example',
        recipient="ann@owner.example",
        tags=(("kind", "forward"),),
    )


@pytest.mark.parametrize(
    "size", [1, 2, 3, 1000, PIECE - 1, PIECE, PIECE + 1, PIECE + 2, 3 * PIECE, 3 * PIECE + 1]
)
def test_a_mail_of_any_size_goes_out_byte_for_byte(
    mailer: SesMailer, sent: list[dict[str, Any]], size: int
) -> None:
    raw = bytes(number * 7 % 256 for number in range(256)) * (size // 256 + 1)

    assert mailer.send(outgoing(raw[:size])) == "id-1"

    (body,) = sent
    assert b64decode(body["Content"]["Raw"]["Data"], validate=True) == raw[:size]
    assert body["FromEmailAddress"] == '"Data": ""@masks.example'
    assert body["Destination"] == {"ToAddresses": ["ann@owner.example"]}
    assert body["EmailTags"] == [{"Name": "kind", "Value": "forward"}]
    assert body["ConfigurationSetName"] == "set"


def test_sending_a_large_mail_takes_less_than_twice_its_size(mailer: SesMailer) -> None:
    raw = b"x" * 8_000_000
    peaks: list[int] = []

    def measure(**_: object) -> AWSResponse:
        peaks.append(tracemalloc.get_traced_memory()[1])
        return AWSResponse("", 500, HTTPHeaders(), None)

    events = mailer._client.meta.events
    events.register_first("before-send.sesv2.SendEmail", cast("Any", measure))
    tracemalloc.start()
    try:
        with pytest.raises(Exception):  # noqa: B017, PT011 — any failure will do
            mailer.send(outgoing(raw))
    finally:
        tracemalloc.stop()

    (peak,) = peaks
    assert peak < 2 * len(raw)


def test_a_request_that_botocore_writes_in_another_way_is_not_sent_without_its_mail(
    mailer: SesMailer, sent: list[dict[str, Any]]
) -> None:
    def rewrite(params: dict[str, Any], **_: object) -> None:
        params["body"] = params["body"].replace(b'"Data": ""', b'"Data":""')

    mailer._client.meta.events.register_first("before-call.sesv2.SendEmail", rewrite)

    with pytest.raises((ValueError, SendInDoubt)):
        mailer.send(outgoing(b"mail"))
    assert sent == []
