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

from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from emails.edges.aws import Answer, is_throttled, is_worlds_fault
from emails.edges.send_request import SendRequest
from emails.edges.ses_calls import SesCalls
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.outcomes import RefuseReason, RetryReason
from runtime.dependencies import Dependency

if TYPE_CHECKING:
    import boto3

_IN_DOUBT_STATUSES = frozenset({500, 502, 504})


class SesMailer:
    """Sends mails with SES."""

    def __init__(self, calls: SesCalls, configuration_set: str | None) -> None:
        self._calls = calls
        self._configuration_set = configuration_set

    def send(self, mail: Outgoing) -> str:
        """Send a mail to one recipient; return SES's id, from which SES makes the Message-ID.

        Raises `Refused` or `NotFinished` if SES certainly did not accept it, `SendInDoubt` if it
        may have. SES allows letters, digits, `-` and `_` in tags. Any other exception is our own
        fault, and nothing was sent.
        """
        request = SendRequest(
            mail.raw,
            sender=mail.sender,
            recipients=[mail.recipient],
            tags=mail.tags,
            configuration_set=self._configuration_set,
        )
        try:
            answer = self._calls.send(request)
        except Exception as error:
            if request.may_have_left:
                raise SendInDoubt from error
            if isinstance(error, BotoCoreError | HTTPError | OSError):
                raise _unavailable(type(error).__name__) from error
            raise
        if answer.status != HTTPStatus.OK:
            raise _send_failure(answer, mail.sender)
        if not (ses_id := answer.fields.get("MessageId")):
            raise SendInDoubt
        return str(ses_id)

    def check(self, sender: str) -> None:
        """Ask for a send that SES must refuse, as it has no recipient and no content.

        Raises `Unavailable` if SES doesn't get as far as that. So a failure that would leave a mail
        in doubt costs none, and it needs no other permission than sending.
        """
        request = SendRequest(
            b"", sender=sender, recipients=[], tags=[], configuration_set=self._configuration_set
        )
        try:
            answer = self._calls.send(request)
        except (BotoCoreError, HTTPError, OSError) as error:
            raise _unavailable(type(error).__name__) from error
        if answer.status != HTTPStatus.OK:
            failure = _send_failure(answer, sender)
            if isinstance(failure, SendInDoubt):
                raise _unavailable(answer.code)
            if isinstance(failure, Unavailable):
                raise failure


def _send_failure(answer: Answer, sender: str) -> Refused | NotFinished | SendInDoubt:
    """Map an error answer from SES."""
    if is_throttled(answer):
        return NotFinished(RetryReason.SENDER_THROTTLED, answer.code)
    if answer.status in _IN_DOUBT_STATUSES:
        return SendInDoubt()
    if is_worlds_fault(answer) or _is_unverified(answer, sender):
        return _unavailable(answer.code)
    return Refused(RefuseReason.SEND_REJECTED, answer.code)


def _unavailable(code: str) -> Unavailable:
    return Unavailable(RetryReason.SENDER_UNAVAILABLE, Dependency.SES, code)


def _is_unverified(answer: Answer, sender: str) -> bool:
    """Return whether SES says that our sender's domain is unverified: it names the identity."""
    text = answer.message.lower()
    return "not verified" in text and sender.rpartition("@")[2].lower() in text


def connect(session: "boto3.session.Session", configuration_set: str | None) -> SesMailer:
    """Make the mailer. Make one per process, threads can share it. Opens no connections."""
    return SesMailer(SesCalls(session), configuration_set)
