"""S3 and SES: each failure of the clients becomes the error in the table. Lessons 1, 11."""

from typing import Any

import pytest

from emails.edges import aws as clients
from emails.edges import quick_s3, s3, ses
from emails.values.deliveries import SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from runtime.aws import make_session
from tests.fakes import ANY_ROOM
from tests.integration.emails.aws.conftest import HERE, MAIL, Answers
from tools.local.aws import LocalAws


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
        s3.connect(make_session("us-east-1")).fetch(HERE, ANY_ROOM)

    assert (type(raised.value), raised.value.reason) == (failure, reason)
    assert raised.value.code == code


def test_a_mail_that_may_not_be_deleted_is_an_error_within_an_answer(answers: Answers) -> None:
    """S3 answers 200 for the call, and for each key whether it is gone."""
    answers.text = (
        b"<DeleteResult><Error><Key>here</Key><Code>AccessDenied</Code>"
        b"<Message>Access Denied</Message></Error></DeleteResult>"
    )

    with pytest.raises(Unavailable) as failure:
        s3.connect(make_session("us-east-1")).delete_one(HERE)

    assert failure.value.code == "AccessDenied"
    assert len(answers.calls) == 1


def test_a_deletion_that_is_never_answered_ends_soon(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(quick_s3._DELETING, "timeout", "0.2s")
    answers.hangs_until.clear()

    with pytest.raises(Unavailable):
        s3.connect(make_session("us-east-1")).delete_one(HERE)


def test_an_object_far_larger_than_any_mail_is_refused_unread(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setattr(s3, "MAX_MAIL_BYTES", 3)
    aws.s3.put_object(Bucket="mails", Key="here", Body=b"four")

    with pytest.raises(Refused) as refused:
        s3.connect(make_session("us-east-1")).fetch(HERE, ANY_ROOM)

    assert refused.value.reason == "mail_too_large"
