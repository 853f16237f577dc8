"""Shared by S3 and SES: configuring clients, and reading AWS's errors."""

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


def is_throttled(error: ClientError) -> bool:
    """Return whether AWS throttled the call. An exhausted quota doesn't count."""
    if "quota" in str(error.response.get("Error", {}).get("Message", "")).lower():
        return False
    return code_of(error) in THROTTLED_CODES or status_of(error) == 429


def is_worlds_fault(error: ClientError) -> bool:
    """Return whether the same call would fail for any other mail."""
    code, status = code_of(error), status_of(error)
    is_known = code in WORLD_CODES | THROTTLED_CODES or code.startswith(KMS_PREFIX)
    return is_known or status in (401, 407, 429) or status >= 500


def code_of(error: ClientError) -> str:
    """Return AWS's code for the error; empty if the answer has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Return the HTTP status of the answer; 0 if it has none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


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
