"""Shared by S3 and SES: configuring clients, and reading AWS's errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

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
