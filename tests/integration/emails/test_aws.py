"""S3 and SES: each failure of the clients becomes the error in the table. Lessons 1, 11."""

import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    EndpointProviderError,
    MetadataRetrievalError,
    ParamValidationError,
)

from emails.edges import aws as clients
from emails.edges import s3, ses
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.notifications import StoredMail
from runtime.aws import make_session
from tools.local.aws import LocalAws

MAIL = Outgoing(
    raw=b"From: x7k2@masks.example\r\nTo: ann@owner.example\r\n\r\nHello\r\n",
    sender="x7k2@masks.example",
    recipient="ann@owner.example",
    tags=(("kind", "forward"), ("mask", "random-1")),
)
HERE = StoredMail("mails", "here")


class Answers:
    """A server that gives every call the same answer, or none, and counts the calls."""

    def __init__(self) -> None:
        self.status, self.code = 200, ""
        self.headers: dict[str, str] = {}
        self.calls: list[dict[str, Any]] = []
        self.hangs_until = Event()
        self.hangs_until.set()
        self.hangs_up = False
        self.text: bytes | None = None
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.connections += 1

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def do_DELETE(self) -> None:
                self.answer()

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.calls.append(json.loads(body) if body.startswith(b"{") else {})
                outer.hangs_until.wait(10)
                if outer.hangs_up:
                    self.close_connection = True
                    return
                error = {"__type": outer.code, "message": "no"}
                xml = f"<Error><Code>{outer.code}</Code></Error>"
                sent = (json.dumps(error) if self.path.startswith("/v2") else xml).encode()
                sent = sent if outer.text is None else outer.text
                self.send_response(outer.status)
                if outer.code:
                    self.send_header("x-amzn-ErrorType", outer.code)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """An AWS that fails as the test asks."""
    failing = Answers()
    monkeypatch.setenv("AWS_ENDPOINT_URL", failing.endpoint)
    yield failing
    failing.hangs_until.set()
    failing.server.shutdown()
    failing.server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "failure", "reason"),
    [
        (429, "TooManyRequestsException", NotFinished, "sender_throttled"),
        (400, "Throttling", NotFinished, "sender_throttled"),
        (503, "ServiceUnavailable", Unavailable, "sender_unavailable"),
        (403, "AccessDeniedException", Unavailable, "sender_unavailable"),
        (400, "MessageRejected", Refused, "send_rejected"),
        (400, "BadRequestException", Refused, "send_rejected"),
    ],
)
def test_ses_errors_are_retried_or_refused(
    answers: Answers, status: int, code: str, failure: type[Any], reason: str
) -> None:
    answers.status, answers.code = status, code

    with pytest.raises(failure) as raised:
        ses.connect(make_session("us-east-1"), None).send(MAIL)

    assert (type(raised.value), raised.value.reason) == (failure, reason)
    assert raised.value.code == code
    assert len(answers.calls) == 1, "a send must not be repeated below us"


def test_a_send_without_an_answer_is_in_doubt_and_tried_once(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "READ_TIMEOUT_SECONDS", 0.2)
    answers.hangs_until.clear()

    with pytest.raises(SendInDoubt):
        ses.connect(make_session("us-east-1"), None).send(MAIL)

    assert len(answers.calls) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, "InternalFailure"), (502, "BadGateway"), (504, "GatewayTimeout"), (500, "")],
)
def test_a_failure_behind_sess_front_door_is_in_doubt(
    answers: Answers, status: int, code: str
) -> None:
    """SES answered 504 after it had accepted 29 of 300 mails, which were then sent twice."""
    answers.status, answers.code = status, code

    with pytest.raises(SendInDoubt):
        ses.connect(make_session("us-east-1"), None).send(MAIL)


def test_an_answer_that_is_garbled_is_in_doubt(answers: Answers) -> None:
    answers.status, answers.text = 200, b"<html>"

    with pytest.raises(SendInDoubt):
        ses.connect(make_session("us-east-1"), None).send(MAIL)


def a_failing_mailer(event: str, error: Exception) -> ses.SesMailer:
    """A mailer that fails when botocore gets to an event of its own."""

    def fail(**_: object) -> None:
        raise error

    mailer = ses.connect(make_session("us-east-1"), None)
    mailer._client.meta.events.register_last(f"{event}.sesv2.SendEmail", fail)
    return mailer


@pytest.mark.parametrize("event", ["before-parameter-build", "before-call", "before-sign"])
@pytest.mark.parametrize(
    "error",
    [
        CredentialRetrievalError(provider="iam-role", error_msg="no answer"),
        MetadataRetrievalError(error_msg="no answer"),
        ParamValidationError(report="too long"),
        EndpointProviderError(msg="no endpoint"),
        BotoCoreError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_before_the_request_leaves_has_sent_nothing(
    answers: Answers, event: str, error: Exception
) -> None:
    with pytest.raises(NotFinished) as failure:
        a_failing_mailer(event, error).send(MAIL)

    assert failure.value.reason == "sender_unavailable"
    assert answers.calls == []


def test_a_request_that_botocore_makes_in_another_way_is_an_error_of_our_own(
    answers: Answers,
) -> None:
    mailer = ses.connect(make_session("us-east-1"), None)
    mailer._client.meta.events.register_first(
        "before-call.sesv2.SendEmail", lambda params, **_: params.update(body=b"{}")
    )

    with pytest.raises(ValueError, match="unexpected request body"):
        mailer.send(MAIL)

    assert answers.calls == []


def test_a_connection_that_breaks_before_all_of_a_large_mail_has_left_sent_nothing() -> None:
    """SES can't accept a request that it did not get whole."""
    listener = socket.create_server(("127.0.0.1", 0))

    def read_a_little() -> None:
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    server = Thread(target=read_a_little, daemon=True)
    server.start()
    with pytest.MonkeyPatch.context() as environ, listener:
        environ.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        mailer = ses.connect(make_session("us-east-1"), None)
        with pytest.raises(NotFinished) as failure:
            mailer.send(replace(MAIL, raw=b"x" * 30_000_000))

    assert failure.value.reason == "sender_unavailable"


def test_connections_are_not_used_for_long_enough_to_be_cut(answers: Answers) -> None:
    """Behind a NAT that cut idle connections, 10 of 50 mails were in doubt."""
    answers.status, answers.code = 400, "MessageRejected"
    now = [1000.0]
    client = ses.connect(make_session("us-east-1"), None)._client
    mailer = ses.SesMailer(client, None, clock=lambda: now[0])

    connections = []
    for passed in (0, 30, 49, 50, 99, 150):
        now[0] = 1000.0 + passed
        with pytest.raises(Refused):
            mailer.send(MAIL)
        connections.append(answers.connections)

    assert connections == [1, 1, 1, 2, 2, 3]


def test_connections_are_kept_alive() -> None:
    assert vars(clients.client_config(attempts=1))["tcp_keepalive"] is True


def test_a_connection_that_breaks_during_a_send_is_in_doubt(answers: Answers) -> None:
    answers.hangs_up = True

    with pytest.raises(SendInDoubt):
        ses.connect(make_session("us-east-1"), None).send(MAIL)

    assert len(answers.calls) == 1


def test_an_unreachable_ses_has_sent_nothing() -> None:
    mail_store = s3.connect(make_session("us-east-1"))
    mailer = ses.connect(make_session("us-east-1"), None)

    with pytest.raises(NotFinished) as sending:
        mailer.send(MAIL)
    with pytest.raises(NotFinished) as reading:
        mail_store.fetch(HERE)

    assert sending.value.reason == "sender_unavailable"
    assert reading.value.reason == "mail_store_unavailable"


def test_the_configuration_set_and_the_tags_go_with_the_mail(answers: Answers) -> None:
    answers.status, answers.code = 400, "MessageRejected"

    with pytest.raises(Refused):
        ses.connect(make_session("us-east-1"), "our-set").send(MAIL)

    (call,) = answers.calls
    assert call["ConfigurationSetName"] == "our-set"
    assert call["EmailTags"] == [
        {"Name": "kind", "Value": "forward"},
        {"Name": "mask", "Value": "random-1"},
    ]


@pytest.mark.parametrize(
    ("status", "code", "failure", "reason"),
    [
        (503, "SlowDown", NotFinished, "mail_store_throttled"),
        (500, "InternalError", Unavailable, "mail_store_unavailable"),
        (404, "NoSuchKey", NotFinished, "mail_missing"),
        (403, "AccessDenied", Unavailable, "mail_store_rejected"),
        (403, "InvalidObjectState", Refused, "mail_store_rejected"),
    ],
)
def test_s3_errors_are_retried_or_refused(
    answers: Answers, status: int, code: str, failure: type[Any], reason: str
) -> None:
    answers.status, answers.code = status, code

    with pytest.raises(failure) as raised:
        s3.connect(make_session("us-east-1")).fetch(HERE)

    assert (type(raised.value), raised.value.reason) == (failure, reason)
    assert raised.value.code == code


def test_an_object_far_larger_than_any_mail_is_refused_unread(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setattr(s3, "MAX_MAIL_BYTES", 3)
    aws.s3.put_object(Bucket="mails", Key="here", Body=b"four")

    with pytest.raises(Refused) as refused:
        s3.connect(make_session("us-east-1")).fetch(HERE)

    assert refused.value.reason == "mail_too_large"


def test_no_call_waits_for_ever() -> None:
    """A connection may take three seconds, and an answer, or each piece of it, twenty."""
    config = vars(clients.client_config(attempts=1))

    assert (config["connect_timeout"], config["read_timeout"]) == (3, 20)
