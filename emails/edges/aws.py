"""Shared by S3 and SES: configuring clients, and reading AWS's errors."""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from runtime.aws import make_session
from runtime.malloc import give_back

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSRequest

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 20
MAX_CONNECTIONS = 32
"""The most threads a process may have. Connections beyond the pool are closed after each call."""

THROTTLED_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
    }
)
"""AWS throttles us. https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

WORLD_CODES = frozenset(
    {
        # Credentials, their signature and the clock that it was made with.
        "ExpiredToken",
        "ExpiredTokenException",
        "TokenRefreshRequired",
        "InvalidToken",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "UnrecognizedClientException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "RequestTimeout",
        "RequestTimeoutException",
        # Permissions and the account.
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AccountProblem",
        "NotAuthorized",
        "NotSignedUp",
        "OptInRequired",
        "AccountSuspendedException",
        "SendingPausedException",
        "LimitExceededException",
        "MailFromDomainNotVerifiedException",
        # What the account must contain: the configuration set, the bucket and its key.
        "NotFoundException",
        "ConfigurationSetDoesNotExistException",
        "NoSuchBucket",
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        # The server's own trouble.
        "InternalError",
        "InternalFailure",
        "InternalServiceErrorException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "OperationAborted",
    }
)
"""The world's fault; the sources are those of `THROTTLED_CODES`, and for SES's own errors
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"""

KMS_PREFIX = "KMS."
"""How S3 begins the codes of errors of the bucket's key: its policy, its state, its existence.
https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What AWS answered: the HTTP status, AWS's code for an error and its words, or what was asked.

    botocore's and our code is the status if AWS names none.
    """

    status: int
    code: str = ""
    message: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


def answer_of(error: ClientError) -> Answer:
    """Return the answer that boto3 made an error of."""
    answer = error.response
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    described = answer.get("Error", {})
    return Answer(status, str(described.get("Code", "")), str(described.get("Message", "")))


def is_throttled(answer: Answer) -> bool:
    """Return whether AWS throttled the call. An exhausted quota doesn't count."""
    if "quota" in answer.message.lower():
        return False
    return answer.code in THROTTLED_CODES or answer.status == 429


def is_worlds_fault(answer: Answer) -> bool:
    """Return whether the same call would fail for any other mail."""
    is_known = answer.code in WORLD_CODES | THROTTLED_CODES or answer.code.startswith(KMS_PREFIX)
    return is_known or answer.status in (401, 407, 429) or answer.status >= 500


def own_ca_bundle() -> str | None:
    """Return the file of CAs that the settings name, if they name one."""
    given = botocore.session.get_session().get_config_variable("ca_bundle")
    return str(given) if given else None


def client_config(attempts: int) -> Config:
    """Make a client's configuration. `attempts`: how often botocore tries a call, in total."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_pool_connections=MAX_CONNECTIONS,
        tcp_keepalive=True,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        # Otherwise botocore builds its own for each call, which takes a tenth of the call's CPU.
        user_agent="mail-relay",
    )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a call goes, and the scope that its signature is for."""

    url: str
    region: str
    service: str


class _FoundError(Exception):
    """Instead of a call: where it would go."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self.endpoint = endpoint


def find_endpoint(region: str, service: str, call: Callable[[Any], object]) -> Endpoint:
    """Return where botocore would make a client's call. Raises `BotoCoreError` if it can't tell.

    The session has read ten megabytes for that, in cycles, which are given back at once. One thread
    at a time: a worker's first mails all ask.
    """
    with _finding:
        try:
            return _found_by(region, service, call)
        finally:
            gc.collect()
            give_back()


def _found_by(region: str, service: str, call: Callable[[Any], object]) -> Endpoint:
    session: Any = make_session(region)
    client = session.client(service, config=Config(signature_version=UNSIGNED))
    client.meta.events.register("before-sign", _raise_endpoint)
    try:
        call(client)
    except _FoundError as found:
        return found.endpoint
    raise AssertionError(f"botocore called {service} without a signature")


def _raise_endpoint(
    request: "AWSRequest", signing_name: str, region_name: str, **_: object
) -> None:
    scope = request.context.get("signing", {})
    region, service = scope.get("region", region_name), scope.get("signing_name", signing_name)
    raise _FoundError(Endpoint(str(request.url), region, service))


class LateClient:
    """A client of boto3 that is made when it is first used. Its service's description is large."""

    def __init__(self, session: "boto3.session.Session", service: str, config: Config) -> None:
        self._make = partial(cast("Any", session).client, service, config=config)
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        """Return a call, or whatever else a client has."""
        with _making:  # sessions are not safe for threads
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)


_finding, _making = Lock(), Lock()
