"""Shared by S3 and SES: making clients, and reading AWS's errors."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 20
MAX_CONNECTIONS = 32
"""The most threads a process may have. Connections beyond the pool are closed after each call."""

TRANSIENT_CODES = frozenset(
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
        # Credentials get renewed, and clocks corrected.
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestTimeTooSkewed",
        "RequestTimeout",
    }
)


def code_of(error: ClientError) -> str:
    """Return AWS's code for the error; empty if the answer has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Return the HTTP status of the answer; 0 if it has none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def session(region: str) -> boto3.session.Session:
    """Make the session for all of a process's clients."""
    return boto3.session.Session(region_name=region)


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
