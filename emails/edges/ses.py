"""Sends mails with SES. The only module that interprets SES's errors.

For each failure it decides: can a retry succeed, and may the mail have been sent? SES has no
idempotent send, so a retry is safe only if SES certainly did not accept the mail. Otherwise the
failure is `SendInDoubt`:

    not all of the request has left    certainly not sent, whatever went wrong
    no answer, or one that is garbled  in doubt
    500, 502, 504                      in doubt: something failed behind SES's front door
    503, throttling                    not sent: SES turned the request away
    any other answer                   not sent
"""

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from emails.edges.aws import client_config, code_of, is_throttled, is_worlds_fault, status_of
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.outcomes import RefuseReason, RetryReason
from runtime.dependencies import Dependency
from runtime.uptime import uptime_seconds

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client

_MAX_CONNECTION_SECONDS = 50.0
"""How long connections are used. NATs and load balancers silently cut those that idle for a minute
or a few, and a send on such a connection would be in doubt."""

_IN_DOUBT_STATUSES = frozenset({500, 502, 504})


class SesMailer:
    """Sends mails with SES."""

    def __init__(
        self,
        client: "SESV2Client",
        configuration_set: str | None,
        *,
        clock: Callable[[], float] = uptime_seconds,
    ) -> None:
        self._client = client
        self._clock = clock
        self._lock = Lock()
        self._connected_at = clock()
        self._extra: dict[str, Any] = (
            {"ConfigurationSetName": configuration_set} if configuration_set else {}
        )

    def send(self, mail: Outgoing) -> str:
        """Send a mail to one recipient; return SES's id, from which SES makes the Message-ID.

        Raises `Refused` or `NotFinished` if SES certainly did not accept it, `SendInDoubt` if it
        may have. SES allows letters, digits, `-` and `_` in tags. Any other exception is our own
        fault, and nothing was sent.
        """
        self._drop_old_connections()
        request = _Request(mail.raw)
        try:
            answer = self._client.send_email(
                FromEmailAddress=mail.sender,
                Destination={"ToAddresses": [mail.recipient]},
                Content={"Raw": {"Data": cast("bytes", request)}},
                EmailTags=[{"Name": name, "Value": value} for name, value in mail.tags],
                **self._extra,
            )
            return answer["MessageId"]
        except ClientError as error:
            raise _send_failure(error, mail.sender) from error
        except Exception as error:
            if request.may_have_left():
                raise SendInDoubt from error
            if isinstance(error, BotoCoreError):
                raise _unavailable(type(error).__name__) from error
            raise

    def check(self, sender: str) -> None:
        """Ask for a send that SES must refuse, as it has no recipient and no content.

        Raises `Unavailable` if SES doesn't get as far as that. So a failure that would leave a mail
        in doubt costs none, and it needs no other permission than sending.
        """
        try:
            self._client.send_email(
                FromEmailAddress=sender,
                Destination={"ToAddresses": []},
                Content={"Raw": {"Data": cast("bytes", _Request(b""))}},
                **self._extra,
            )
        except ClientError as error:
            failure = _send_failure(error, sender)
            if isinstance(failure, SendInDoubt):
                raise _unavailable(code_of(error)) from error
            if isinstance(failure, Unavailable):
                raise failure from error
        except BotoCoreError as error:
            raise _unavailable(type(error).__name__) from error

    def _drop_old_connections(self) -> None:
        """Let the next sends connect anew, if it is time. Others keep their connection."""
        with self._lock:
            if self._clock() - self._connected_at < _MAX_CONNECTION_SECONDS:
                return
            self._connected_at = self._clock()
        self._client.close()


class _Request:
    """One mail on its way through botocore, and what has left of the request with it."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.body = BytesIO()

    def may_have_left(self) -> bool:
        """Return whether the last byte may have left: botocore has read the body to its end.

        It also reads the body to sign it, but then goes back to the start.
        """
        return 0 < self.body.tell() == len(self.body.getbuffer())


# botocore encodes a mail as base64, JSON and bytes, and copies those to send them: five times its
# size in memory. So we keep the mail from botocore, and write it into the request's body in pieces.
_REQUEST = "relay.request"
_NO_DATA = b'"Data": ""'
_PIECE_BYTES = 3 * 64 * 1024
"""A multiple of three, so that only the last piece needs base64 padding."""


def _take_mail_out(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    raw = params["Content"]["Raw"]
    context[_REQUEST] = raw["Data"]
    params["Content"] = {"Raw": {"Data": b""}}


def _put_mail_in(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    before, gap, after = params["body"].partition(_NO_DATA)
    if not gap:
        raise ValueError("unexpected request body from botocore: no place to insert the mail")
    request: _Request = context.pop(_REQUEST)
    mail, body = memoryview(request.raw), request.body
    body.write(before + b'"Data": "')
    for start in range(0, len(mail), _PIECE_BYTES):
        body.write(b64encode(mail[start : start + _PIECE_BYTES]))
    body.write(b'"' + after)
    body.seek(0)
    params["body"] = body


def _send_failure(error: ClientError, sender: str) -> Refused | NotFinished | SendInDoubt:
    """Map an error answer from SES."""
    code = code_of(error)
    if is_throttled(error):
        return NotFinished(RetryReason.SENDER_THROTTLED, code)
    if status_of(error) in _IN_DOUBT_STATUSES:
        return SendInDoubt()
    if is_worlds_fault(error) or _is_unverified(error, sender):
        return _unavailable(code)
    return Refused(RefuseReason.SEND_REJECTED, code)


def _unavailable(code: str) -> Unavailable:
    return Unavailable(RetryReason.SENDER_UNAVAILABLE, Dependency.SES, code)


def _is_unverified(error: ClientError, sender: str) -> bool:
    """Return whether SES says that our sender's domain is unverified: it names the identity."""
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return "not verified" in text and sender.rpartition("@")[2].lower() in text


def connect(session: "boto3.session.Session", configuration_set: str | None) -> SesMailer:
    """Make the mailer. Clients are slow to create: make one per process, threads can share it."""
    # One attempt: if botocore retried a send, the mail could be sent twice.
    client = session.client("sesv2", config=client_config(attempts=1))
    client.meta.events.register("before-parameter-build.sesv2.SendEmail", _take_mail_out)
    client.meta.events.register("before-call.sesv2.SendEmail", _put_mail_in)
    return SesMailer(client, configuration_set)
