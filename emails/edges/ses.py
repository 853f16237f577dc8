"""SES: sending. Its errors are translated here, once.

Two questions are answered for each failure: may it work later, and was anything sent? A failed
call that SES may have carried out is `SendInDoubt`; only for what SES surely did not take is
another attempt safe, since SES knows no "send this once".
"""

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
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

from emails.edges.aws import PASSING, client_config, code_of, status_of
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import RefuseReason, RetryReason

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client

# Errors that come before the request is out: SES can't have seen it.
_NEVER_ARRIVED = (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)


class SesMailer:
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
    if code_of(error) in PASSING or status_of(error) == 429:
        return NotFinished(RetryReason.SENDER_THROTTLED)
    if status_of(error) >= 500:
        return NotFinished(RetryReason.SENDER_UNAVAILABLE)
    return Refused(RefuseReason.SEND_REJECTED)


def connect(session: "boto3.session.Session", configuration_set: str | None) -> SesMailer:
    """Make the mailer: once a process, since a client is slow to make; all threads may share it."""
    # One attempt: a send that is repeated below us is a mail sent twice.
    client = session.client("sesv2", config=client_config(attempts=1))
    client.meta.events.register("before-parameter-build.sesv2.SendEmail", _take_mail_out)
    client.meta.events.register("before-call.sesv2.SendEmail", _put_mail_in)
    return SesMailer(client, configuration_set)
