"""SES v2's REST protocol: accepts mails and keeps them, so that tests can see what was sent.

Refuses what SES refuses: too long a From, too large a mail, attachments of certain names. And mail
to `REFUSED_DOMAIN`, for all that SES refuses without saying why.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

import base64
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from tools.aws.web import AwsError, Request, Response
from tools.local import ses_account, ses_limits
from tools.local.send_events import tags_of

PATH = "/v2/email/"
REFUSED_DOMAIN = "refused.example"

_LARGE_BYTES = 1 << 20
_DATA = re.compile(rb'"Data":\s*"')

_HEADERS = ((b"content-type", b"application/json"),)

_OPERATIONS = {
    ("POST", "outbound-emails"): "SendEmail",
    ("POST", "identities"): "CreateEmailIdentity",
    ("GET", "account"): "GetAccount",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """One mail that was accepted, `at` seconds since the epoch; `raw` may be its headers only.

    `access_key` identifies the sender's credentials.
    """

    at: float
    access_key: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    ses_id: str
    tags: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "at": self.at,
            "access_key": self.access_key,
            "sender": self.sender,
            "recipients": self.recipients,
            "raw": base64.b64encode(self.raw).decode(),
            "ses_id": self.ses_id,
            "tags": dict(self.tags),
        }


class Ses:
    """All sent mails, oldest first; headers only unless `keeps_bodies`. `publish` tells of each."""

    throttled = AwsError("TooManyRequestsException", "Too many requests", 429)

    def __init__(
        self, *, keeps_bodies: bool = True, publish: Callable[[Accepted], None] = lambda _: None
    ) -> None:
        self.keeps_bodies = keeps_bodies
        self._publish = publish
        self.accepted: list[Accepted] = []
        self.account: dict[str, Any] = {}
        """What the account has that is not as usual: fields of GetAccount's answer."""
        self._identities: set[str] = set()

    def operation(self, request: Request) -> str:
        """Name the operation."""
        found = request.method, request.path.removeprefix(PATH)
        return _OPERATIONS.get(found, " ".join(found))

    async def answer(self, request: Request) -> Response:
        """Carry out an operation."""
        operation = self.operation(request)
        if operation == "SendEmail":
            body = request.body if self.keeps_bodies else _shortened(request.body)
            return _json(self._send(orjson.loads(body), _access_key(request)))
        if operation == "CreateEmailIdentity":
            return _json(self._create_identity(orjson.loads(request.body)["EmailIdentity"]))
        if operation == "GetAccount":
            return _json(ses_account.described(self.account, len(self.accepted)))
        raise AwsError("UnknownOperationException", f"{operation} is not supported here", 404)

    def refusal(self, error: AwsError) -> Response:
        """Return an error, with its code in a header."""
        headers = (*_HEADERS, (b"x-amzn-errortype", error.code.encode()))
        return Response(orjson.dumps({"message": error.message}), error.status, headers)

    def _send(self, given: dict[str, Any], access_key: str) -> dict[str, Any]:
        sender = given.get("FromEmailAddress", "")
        if not self._is_verified(sender):
            text = "The following identities failed the check in region US-EAST-1"
            raise AwsError("MessageRejected", f"Email address is not verified. {text}: {sender}")
        try:
            raw = base64.b64decode(given["Content"]["Raw"]["Data"])
        except KeyError:
            raise AwsError("BadRequestException", "Only raw mails are supported here.") from None
        if refusal := ses_limits.refusal_of(raw):
            raise AwsError(ses_limits.CODE, refusal)
        destination = given.get("Destination", {})
        recipients = tuple(
            address
            for kind in ("ToAddresses", "CcAddresses", "BccAddresses")
            for address in destination.get(kind, ())
        )
        if any(address.endswith(f"@{REFUSED_DOMAIN}") for address in recipients):
            raise AwsError("MessageRejected", "We can't say what is wrong with this message.")
        if not raw or not recipients:
            raise AwsError("BadRequestException", "A mail needs a content and a recipient.")
        if not self.keeps_bodies:
            raw = raw.partition(b"\r\n\r\n")[0]
        at = time.time()
        ses_id = f"0100{int(at * 1000):012x}-{uuid.uuid4()}-000000"
        tags = tuple(tags_of(given).items())
        mail = Accepted(at, access_key, sender, recipients, raw, ses_id, tags)
        self.accepted.append(mail)
        self._publish(mail)
        return {"MessageId": ses_id}

    def _is_verified(self, sender: str) -> bool:
        address = sender.rpartition("<")[2].rstrip("> ")
        return not {address, address.rpartition("@")[2]}.isdisjoint(self._identities)

    def _create_identity(self, identity: str) -> dict[str, Any]:
        if identity in self._identities:
            raise AwsError("AlreadyExistsException", f"Email identity {identity} already exist.")
        self._identities.add(identity)
        kind = "EMAIL_ADDRESS" if "@" in identity else "DOMAIN"
        return {"IdentityType": kind, "VerifiedForSendingStatus": True}


def _shortened(body: bytes) -> bytes:
    """Cut a mail of megabytes: to read it takes seconds, in which nobody else is answered."""
    if len(body) < _LARGE_BYTES:
        return body
    data = _DATA.search(body)
    if data is None:
        return body
    return body[: data.end() + _LARGE_BYTES] + body[body.index(b'"', data.end()) :]


def _access_key(request: Request) -> str:
    """Read it from a version 4 signature: `AWS4-HMAC-SHA256 Credential=KEY/date/…`."""
    signature = request.headers.get(b"authorization", b"").decode("latin-1")
    return signature.partition("Credential=")[2].partition("/")[0]


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), headers=_HEADERS)
