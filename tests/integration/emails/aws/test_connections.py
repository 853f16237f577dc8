"""How long connections to SES live, and what a broken or missing one says of the mail."""

import socket
import struct
from dataclasses import replace
from threading import Thread
from unittest.mock import Mock

import pytest
from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    NoCredentialsError,
)

from emails.edges import aws as clients
from emails.edges import s3, ses
from emails.edges.ses_calls import SesCalls
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from runtime.aws import make_session
from runtime.dependencies import Dependency
from tests.fakes import ANY_ROOM
from tests.integration.emails.aws.conftest import HERE, MAIL, Answers


def a_mailer() -> ses.SesMailer:
    return ses.connect(make_session("us-east-1"), None)


@pytest.mark.parametrize(
    "error",
    [
        CredentialRetrievalError(provider="iam-role", error_msg="no answer"),
        MetadataRetrievalError(error_msg="no answer"),
        NoCredentialsError(),
        BotoCoreError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_without_credentials_nothing_is_sent(answers: Answers, error: BotoCoreError) -> None:
    session = Mock(wraps=make_session("us-east-1"), region_name="us-east-1")
    session.get_credentials.return_value.get_frozen_credentials.side_effect = error

    with pytest.raises(Unavailable) as failure:
        ses.connect(session, None).send(MAIL)

    assert failure.value.code == type(error).__name__
    assert answers.calls == []


def test_without_an_endpoint_nothing_is_sent(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for setting in ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"):
        monkeypatch.setenv(setting, "true")

    with pytest.raises(Unavailable) as failure:
        ses.connect(make_session("eu-isoe-west-1"), None).send(MAIL)

    assert failure.value.dependency is Dependency.SES
    assert failure.value.code == "EndpointVariantError"
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
        mailer = a_mailer()
        with pytest.raises(NotFinished) as failure:
            mailer.send(replace(MAIL, raw=b"x" * 30_000_000))

    assert failure.value.reason == "sender_unavailable"


def test_connections_are_not_used_for_long_enough_to_be_cut(answers: Answers) -> None:
    """Behind a NAT that cut idle connections, 10 of 50 mails were in doubt."""
    answers.status, answers.code = 400, "MessageRejected"
    now = [1000.0]
    calls = SesCalls(make_session("us-east-1"), clock=lambda: now[0])
    mailer = ses.SesMailer(calls, None)

    connections = []
    for passed in (0, 30, 49, 50, 99, 150):
        now[0] = 1000.0 + passed
        with pytest.raises(Refused):
            mailer.send(MAIL)
        connections.append(answers.connections)

    assert connections == [1, 1, 1, 2, 2, 3]


def test_connections_are_kept_alive() -> None:
    assert vars(clients.client_config(attempts=1))["tcp_keepalive"] is True
    connections = SesCalls(make_session("us-east-1"))._connections.connection_pool_kw
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in connections["socket_options"]
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in connections["socket_options"]


def test_a_connection_that_breaks_during_a_send_is_in_doubt(answers: Answers) -> None:
    answers.hangs_up = True

    with pytest.raises(SendInDoubt):
        a_mailer().send(MAIL)

    assert len(answers.calls) == 1


def test_an_unreachable_ses_has_sent_nothing() -> None:
    mail_store = s3.connect(make_session("us-east-1"))

    with pytest.raises(NotFinished) as sending:
        a_mailer().send(MAIL)
    with pytest.raises(NotFinished) as reading:
        mail_store.fetch(HERE, ANY_ROOM)

    assert sending.value.reason == "sender_unavailable"
    assert reading.value.reason == "mail_store_unavailable"


def test_no_call_waits_for_ever() -> None:
    """A connection may take three seconds, and an answer, or each piece of it, twenty."""
    config = vars(clients.client_config(attempts=1))

    assert (config["connect_timeout"], config["read_timeout"]) == (3, 20)
    timeout = SesCalls(make_session("us-east-1"))._connections.connection_pool_kw["timeout"]
    assert (timeout.connect_timeout, timeout.read_timeout) == (3, 20)
