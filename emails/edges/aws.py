"""What S3 and SES have in common: how clients are made, and how AWS names its errors."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 20
MAX_CONNECTIONS = 32
"""As many as a process may have threads; more would only be closed after each call."""

PASSING = frozenset(
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


def code_of(error: ClientError) -> str:
    """Give AWS's code for the error; empty if the answer has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Give the HTTP status of the answer; 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def session(region: str) -> boto3.session.Session:
    """Make the session that all clients of a process come from."""
    return boto3.session.Session(region_name=region)


def client_config(attempts: int) -> Config:
    """Make a client's configuration. `attempts`: how often botocore may try a call in all."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_pool_connections=MAX_CONNECTIONS,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        # botocore would describe itself and the machine anew in each call: a tenth of its CPU.
        user_agent="mail-relay",
    )
