"""How long connections to SES live, and what a broken or missing one says of the mail."""

import socket
import struct
from dataclasses import replace
from threading import Thread

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
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished, Refused
from runtime.aws import make_session
from tests.integration.emails.aws.conftest import HERE, MAIL, Answers


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


def test_no_call_waits_for_ever() -> None:
    """A connection may take three seconds, and an answer, or each piece of it, twenty."""
    config = vars(clients.client_config(attempts=1))

    assert (config["connect_timeout"], config["read_timeout"]) == (3, 20)
