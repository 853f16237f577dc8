"""Sends mails with SES. The only module that interprets SES's errors.

For each failure it decides: can a retry succeed, and may the mail have been sent? SES has no
idempotent send, so a retry is safe only if SES certainly did not accept the mail. Otherwise the
failure is `SendInDoubt`.
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

from emails.edges.aws import client_config, code_of, is_throttled, is_worlds_fault
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.outcomes import RefuseReason, RetryReason
from runtime.dependencies import Dependency

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client

# Errors before the request leaves: SES can't have seen it.
_NEVER_ARRIVED = (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)


class SesMailer:
    """Sends mails with SES."""

    def __init__(self, client: "SESV2Client", configuration_set: str | None) -> None:
        self._client = client
        self._extra: dict[str, Any] = (
            {"ConfigurationSetName": configuration_set} if configuration_set else {}
        )

    def send(self, mail: Outgoing) -> str:
        """Send a mail to one recipient; return SES's id, from which SES makes the Message-ID.

        Raises `Refused` or `NotFinished` if SES certainly did not accept it, `SendInDoubt` if it
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
            raise _send_failure(error, mail.sender) from error
        except _NEVER_ARRIVED as error:
            raise Unavailable(
                RetryReason.SENDER_UNAVAILABLE, Dependency.SES, type(error).__name__
            ) from error
        except BotoCoreError as error:
            raise SendInDoubt from error
        return answer["MessageId"]


# botocore encodes a mail as base64, JSON and bytes, and copies those to send them: five times its
# size in memory. So we keep the mail from botocore, and write it into the request's body in pieces.
_MAIL = "relay.mail"
_NO_DATA = b'"Data": ""'
_PIECE_BYTES = 3 * 64 * 1024
"""A multiple of three, so that only the last piece needs base64 padding."""


def _take_mail_out(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    raw = params["Content"]["Raw"]
    context[_MAIL] = raw["Data"]
    params["Content"] = {"Raw": {"Data": b""}}


def _put_mail_in(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    before, gap, after = params["body"].partition(_NO_DATA)
    if not gap:
        raise ValueError("unexpected request body from botocore: no place to insert the mail")
    mail, body = memoryview(context.pop(_MAIL)), BytesIO()
    body.write(before + b'"Data": "')
    for start in range(0, len(mail), _PIECE_BYTES):
        body.write(b64encode(mail[start : start + _PIECE_BYTES]))
    body.write(b'"' + after)
    body.seek(0)
    params["body"] = body


def _send_failure(error: ClientError, sender: str) -> Refused | NotFinished:
    """Map an error answer from SES, which means that SES did not accept the mail."""
    code = code_of(error)
    if is_throttled(error):
        return NotFinished(RetryReason.SENDER_THROTTLED, code)
    if is_worlds_fault(error) or _is_unverified(error, sender):
        return Unavailable(RetryReason.SENDER_UNAVAILABLE, Dependency.SES, code)
    return Refused(RefuseReason.SEND_REJECTED, code)


def _is_unverified(error: ClientError, sender: str) -> bool:
    """Tell whether SES wants our own domain to be verified first: it names what is not."""
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return "not verified" in text and sender.rpartition("@")[2].lower() in text


def connect(session: "boto3.session.Session", configuration_set: str | None) -> SesMailer:
    """Make the mailer. Clients are slow to create: make one per process, threads can share it."""
    # One attempt: if botocore retried a send, the mail could be sent twice.
    client = session.client("sesv2", config=client_config(attempts=1))
    client.meta.events.register("before-parameter-build.sesv2.SendEmail", _take_mail_out)
    client.meta.events.register("before-call.sesv2.SendEmail", _put_mail_in)
    return SesMailer(client, configuration_set)
