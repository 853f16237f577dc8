"""Whose fault an error of AWS or PostgreSQL is: a row for each that we know of. Lesson 46."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.db.utils import InternalError, NotSupportedError, ProgrammingError

from emails.edges.aws import Answer
from emails.edges.s3 import S3MailStore
from emails.edges.ses import SesMailer
from emails.store.database import raises_not_finished
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import MAX_TRIES, NotFinished, Refused, Unavailable
from emails.values.notifications import StoredMail
from runtime.dependencies import Dependency
from tests.fakes import ANY_ROOM

NOT_QUICK = Mock(**{"open.return_value": None, "delete.return_value": False})

MESSAGE, WAIT, WORLD = "the message's", "nobody's: slow down", "the world's"

CREDENTIALS_AND_CLOCK = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
]

NOT_VERIFIED = (
    "Email address is not verified. The following identities failed the check in region US-EAST-1: "
)

SES = [
    *((403, code, "", WORLD) for code in CREDENTIALS_AND_CLOCK),
    (403, "AccessDeniedException", "", WORLD),
    (403, "AccessDenied", "", WORLD),
    (403, "OptInRequired", "", WORLD),
    (400, "AccountSuspendedException", "", WORLD),
    (400, "SendingPausedException", "", WORLD),
    (400, "MailFromDomainNotVerifiedException", "", WORLD),
    (400, "LimitExceededException", "", WORLD),
    (404, "NotFoundException", "Configuration set <our-set> does not exist.", WORLD),
    (429, "TooManyRequestsException", "Daily message quota exceeded.", WORLD),
    (400, "Throttling", "Daily message quota exceeded", WORLD),
    (503, "ServiceUnavailable", "", WORLD),
    (429, "TooManyRequestsException", "Maximum sending rate exceeded.", WAIT),
    (400, "Throttling", "Maximum sending rate exceeded.", WAIT),
    (400, "ThrottlingException", "Rate exceeded", WAIT),
    (400, "MessageRejected", NOT_VERIFIED + "x7k2@masks.example", WORLD),
    (400, "MessageRejected", NOT_VERIFIED + "ann@owner.example", MESSAGE),
    (400, "MessageRejected", "Transaction failed: Address contains illegal characters", MESSAGE),
    (400, "BadRequestException", "Invalid parameter", MESSAGE),
    (413, "RequestEntityTooLargeException", "", MESSAGE),
]

S3 = [
    *((403, code, "", WORLD) for code in CREDENTIALS_AND_CLOCK),
    (403, "InvalidAccessKeyId", "", WORLD),
    (403, "AccessDenied", "", WORLD),
    (403, "AllAccessDisabled", "", WORLD),
    (403, "AccountProblem", "", WORLD),
    (403, "403", "", WORLD),
    (404, "NoSuchBucket", "", WORLD),
    (301, "PermanentRedirect", "", WORLD),
    (400, "AuthorizationHeaderMalformed", "", WORLD),
    (400, "KMS.DisabledException", "", WORLD),
    (400, "KMS.NotFoundException", "", WORLD),
    (400, "KMS.KMSInvalidStateException", "", WORLD),
    (500, "InternalError", "", WORLD),
    (503, "ServiceUnavailable", "", WORLD),
    (400, "RequestTimeout", "", WORLD),
    (503, "SlowDown", "", WAIT),
    (404, "NoSuchKey", "", MESSAGE),
    (404, "404", "", MESSAGE),
    (403, "InvalidObjectState", "", MESSAGE),
]


def verdict(failure: NotFinished | Refused) -> str:
    """Say whose fault it is. A missing mail is its message's, in the end."""
    if isinstance(failure, Unavailable):
        return WORLD
    is_final = isinstance(failure, Refused) or failure.max_tries is not None
    return MESSAGE if is_final else WAIT


def ours(error: Exception) -> NotFinished | Refused:
    assert isinstance(error, NotFinished | Refused)
    return error


def an_error(status: int, code: str, message: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "Call")


@pytest.mark.parametrize(("status", "code", "message", "fault"), SES)
def test_errors_of_ses(status: int, code: str, message: str, fault: str) -> None:
    calls = Mock(**{"send.return_value": Answer(status, code, message)})
    mail = Outgoing(b"", "x7k2@masks.example", "ann@owner.example", ())

    with pytest.raises((NotFinished, Refused)) as raised:
        SesMailer(calls, None).send(mail)

    failure = ours(raised.value)
    assert (verdict(failure), failure.code) == (fault, code)
    assert "owner.example" not in str(failure)
    if isinstance(failure, Unavailable):
        assert failure.dependency is Dependency.SES


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_error_behind_the_front_door_of_ses_leaves_the_send_in_doubt(status: int) -> None:
    calls = Mock(**{"send.return_value": Answer(status, "InternalFailure")})

    with pytest.raises(SendInDoubt):
        SesMailer(calls, None).send(Outgoing(b"", "x7k2@masks.example", "ann@owner.example", ()))


@pytest.mark.parametrize(("status", "code", "message", "fault"), S3)
def test_errors_of_s3(status: int, code: str, message: str, fault: str) -> None:
    client = Mock(**{"get_object.side_effect": an_error(status, code, message)})

    with pytest.raises((NotFinished, Refused)) as raised:
        S3MailStore(client, NOT_QUICK).fetch(StoredMail("mails", "key"), ANY_ROOM)

    failure = ours(raised.value)
    assert (verdict(failure), failure.code) == (fault, code)
    if isinstance(failure, Unavailable):
        assert failure.dependency is Dependency.S3


@pytest.mark.parametrize(
    ("call", "write"),
    [
        ("copy_object", lambda store: store.copy(StoredMail("mails", "key"), "held/1")),
        ("put_object", lambda store: store.put(StoredMail("mails", "held/1"), b"a mail")),
        ("delete_object", lambda store: store.delete_one(StoredMail("mails", "key"))),
    ],
)
def test_a_permission_to_write_that_is_missing_is_no_mails_fault(
    call: str, write: Callable[[S3MailStore], object]
) -> None:
    """The mail itself may be read: so the mail is never given up."""
    client = Mock(**{f"{call}.side_effect": an_error(403, "AccessDenied", "")})
    client.head_object.return_value = {"ContentLength": 5, "Metadata": {}}

    with pytest.raises(Unavailable) as failure:
        write(S3MailStore(client, NOT_QUICK))

    assert failure.value.max_tries is None


def test_a_mail_that_s3_denies_is_at_fault_itself_while_others_are_given() -> None:
    """Without the permission to list the bucket, S3 denies what is not there."""
    client = Mock(**{"get_object.side_effect": an_error(403, "AccessDenied", "")})

    with pytest.raises(Unavailable) as raised:
        S3MailStore(client, NOT_QUICK).fetch(StoredMail("mails", "key"), ANY_ROOM)

    assert raised.value.max_tries == MAX_TRIES


BUSY, UNMIGRATED, OURS = "a locked row", "the configuration's", "ours"

POSTGRESQL = [
    (OperationalError, None, WORLD),
    (InterfaceError, None, WORLD),
    (OperationalError, "08006", WORLD),
    (OperationalError, "08P01", WORLD),
    (InternalError, "25006", WORLD),
    (OperationalError, "28P01", WORLD),
    (OperationalError, "3D000", WORLD),
    (ProgrammingError, "42501", WORLD),
    (OperationalError, "53100", WORLD),
    (OperationalError, "53300", WORLD),
    (OperationalError, "57P01", WORLD),
    (OperationalError, "57P03", WORLD),
    (OperationalError, "58030", WORLD),
    (InternalError, "XX000", WORLD),
    (OperationalError, "55P03", BUSY),
    (OperationalError, "57014", BUSY),
    (OperationalError, "40001", BUSY),
    (OperationalError, "40P01", BUSY),
    (ProgrammingError, "42P01", UNMIGRATED),
    (ProgrammingError, "42703", UNMIGRATED),
    (OperationalError, "54001", WORLD),
    (ProgrammingError, "42601", OURS),
    (DataError, "22001", OURS),
    (IntegrityError, "23505", OURS),
    (NotSupportedError, "0A000", OURS),
    (DatabaseError, None, OURS),
]


class DriverError(Exception):
    """psycopg's error, with PostgreSQL's code."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("ann@owner.example")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(("kind", "code", "fault"), POSTGRESQL)
def test_errors_of_postgresql(kind: type[Exception], code: str | None, fault: str) -> None:
    @raises_not_finished
    def query() -> None:
        raise kind from DriverError(code)

    with pytest.raises(NotFinished if fault != OURS else kind) as raised:
        query()

    failure = raised.value
    if isinstance(failure, Unavailable):
        is_database = failure.dependency is Dependency.DATABASE
        assert fault == (WORLD if is_database else UNMIGRATED)
        assert failure.code == (code or "no_answer") if is_database else "database_unmigrated"
    else:
        assert fault == (BUSY if isinstance(failure, NotFinished) else OURS)
