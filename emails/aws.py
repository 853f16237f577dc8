"""S3 and SES: the only file here that imports botocore. Their errors are translated here, once.

Two questions are answered for each failure: may it work later, and was anything sent? A failed
call that SES may have carried out is `SendInDoubt`; only for what SES surely did not take is
another attempt safe, since SES knows no "send this once".
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)

from emails.errors import NotFinished, Refused
from emails.notifications import StoredMail
from emails.once import Outgoing, SendInDoubt
from emails.outcomes import RefuseReason, RetryReason

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sesv2.client import SESV2Client

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 20
MAX_CONNECTIONS = 32
"""As many as a process may have threads; more would only be closed after each call."""

MAX_MAIL_BYTES = 60 * 1024 * 1024
"""SES takes mails of up to 40 MB in and out; whatever is far above is no mail of SES's."""

_PASSING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
        "LimitExceededException",
        "SendingPausedException",
        "AccountSuspendedException",
        # Credentials that ran out are renewed, clocks are set right.
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestTimeTooSkewed",
        "RequestTimeout",
    }
)
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})

# Errors that come before the request is out: SES can't have seen it.
_NEVER_ARRIVED = (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)


class MailStore:
    """The mails that SES stored in S3."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def fetch(self, mail: StoredMail) -> bytes:
        """Read a mail. Raises `NotFinished`, or `Refused` for one that is not there.

        SES stores a mail before it tells of it, and S3 shows at once what was stored: a mail that
        is missing now will not come.
        """
        try:
            answer = self._client.get_object(Bucket=mail.bucket, Key=mail.key)
            if answer["ContentLength"] > MAX_MAIL_BYTES:
                raise Refused(RefuseReason.MAIL_TOO_LARGE)
            return answer["Body"].read()
        except ClientError as error:
            raise _store_failure(error) from error
        except (BotoCoreError, OSError) as error:
            raise NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE) from error

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Delete up to 1,000 mails; gives the keys of those that are still there, with S3's reason.

        One that is gone already is deleted, too. Raises as `fetch`, when none was deleted.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        """
        try:
            answer = self._client.delete_objects(
                Bucket=bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
        except ClientError as error:
            raise _store_failure(error) from error
        except BotoCoreError as error:
            raise NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE) from error
        return {one["Key"]: one.get("Code", "") for one in answer.get("Errors", ())}


def _store_failure(error: ClientError) -> Refused | NotFinished:
    code, status = _code(error), _status(error)
    if code in _PASSING or status == 429:
        return NotFinished(RetryReason.MAIL_STORE_THROTTLED)
    if status >= 500:
        return NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE)
    if code in _MISSING:
        return Refused(RefuseReason.MAIL_MISSING)
    return Refused(RefuseReason.MAIL_STORE_REJECTED)


class Mailer:
    """SES, for sending."""

    def __init__(self, client: "SESV2Client", configuration_set: str | None) -> None:
        self._client = client
        self._extra: dict[str, Any] = (
            {"ConfigurationSetName": configuration_set} if configuration_set else {}
        )

    def send(self, mail: Outgoing) -> str:
        """Send a mail to one recipient; give the id that SES makes its Message-ID of.

        Raises `Refused` or `NotFinished` where SES surely did not take it; `SendInDoubt` where it
        may have. SES allows letters, digits, `-` and `_` in tags.
        """
        try:
            answer = self._client.send_email(
                FromEmailAddress=mail.sender,
                Destination={"ToAddresses": [mail.recipient]},
                Content={"Raw": {"Data": mail.raw}},
                EmailTags=[{"Name": name, "Value": value} for name, value in mail.tags],
                **self._extra,
            )
        except ClientError as error:
            raise _send_failure(error) from error
        except _NEVER_ARRIVED as error:
            raise NotFinished(RetryReason.SENDER_UNAVAILABLE) from error
        except BotoCoreError as error:
            raise SendInDoubt from error
        return answer["MessageId"]


# botocore writes a mail as base64, then as JSON, then as bytes, and copies those to send them: five
# times its size. So it is kept from botocore, and goes into the request's body piece by piece.
_MAIL = "relay.mail"
_NO_DATA = b'"Data": ""'
_PIECE_BYTES = 3 * 64 * 1024
"""Base64 makes four bytes of three: only the last piece may need padding."""


def _take_mail_out(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    raw = params["Content"]["Raw"]
    context[_MAIL] = raw["Data"]
    params["Content"] = {"Raw": {"Data": b""}}


def _put_mail_in(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    before, gap, after = params["body"].partition(_NO_DATA)
    if not gap:
        raise ValueError("botocore writes requests in another way: a mail has no place in this one")
    mail, body = memoryview(context.pop(_MAIL)), BytesIO()
    body.write(before + b'"Data": "')
    for start in range(0, len(mail), _PIECE_BYTES):
        body.write(b64encode(mail[start : start + _PIECE_BYTES]))
    body.write(b'"' + after)
    body.seek(0)
    params["body"] = body


def _send_failure(error: ClientError) -> Refused | NotFinished:
    """SES answered, and not with an id: it did not take the mail."""
    if _code(error) in _PASSING or _status(error) == 429:
        return NotFinished(RetryReason.SENDER_THROTTLED)
    if _status(error) >= 500:
        return NotFinished(RetryReason.SENDER_UNAVAILABLE)
    return Refused(RefuseReason.SEND_REJECTED)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def connect(region: str, configuration_set: str | None) -> tuple[MailStore, Mailer]:
    """Make the clients: once per process, since each costs a while; all threads may share them."""
    session = boto3.session.Session(region_name=region)
    client: Callable[..., Any] = session.client
    # One attempt: a send that is repeated below us is a mail sent twice.
    ses = client("sesv2", config=_config(attempts=1))
    ses.meta.events.register("before-parameter-build.sesv2.SendEmail", _take_mail_out)
    ses.meta.events.register("before-call.sesv2.SendEmail", _put_mail_in)
    return MailStore(client("s3", config=_config(attempts=3))), Mailer(ses, configuration_set)


def _config(attempts: int) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_pool_connections=MAX_CONNECTIONS,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        # botocore would describe itself and the machine anew in each call: a tenth of its CPU.
        user_agent="mail-relay",
    )
