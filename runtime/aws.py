"""AWS sessions whose clients ask for credentials when they make a call, not when they are built.

botocore asks while it builds a client. If EKS's agent, EC2's metadata service or STS is down, that
takes seconds, and a client that was built without credentials never gets any. Here the first call
asks, and after a failure the next one asks again.

Calls that need new credentials take turns. Those that have waited for one that failed fail with it:
if each asked for itself, the last would outlast its message's time limit.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from runtime.aws_endpoints import Descriptions

logger = logging.getLogger(__name__)

_MUST_REFRESH_SECONDS = 600
"""When less of their life is left, botocore lets no call through without new credentials."""

_STS_CONFIG = Config(
    connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
)
"""By default botocore would wait five minutes for STS. Clients with a configuration override it."""


def make_session(region: str) -> boto3.session.Session:
    """Make a session, for all clients of a process. Raises `ProfileNotFound`."""
    session = botocore.session.get_session()
    session.set_default_client_config(_STS_CONFIG)
    session.get_component("data_loader").file_loader = Descriptions()
    chain = session.get_component("credential_provider")
    session.register_component("credential_provider", _Provider(chain.load_credentials))
    return boto3.session.Session(botocore_session=session, region_name=region)


class DeferredCredentials:
    """Credentials as botocore's clients use them. `find` returns None if nobody has any."""

    method = "deferred"

    def __init__(
        self,
        find: Callable[[], Credentials | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._clock = clock
        self._turn = threading.Lock()
        self._found: Credentials | None = None
        self._failed_at = float("-inf")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return what a call is signed with.

        Raises `CredentialRetrievalError` whatever went wrong, if the next call may get them;
        `NoCredentialsError` or `PartialCredentialsError` if the settings have to change first.
        """
        found = self._found
        if found is not None and not _must_refresh(found):
            return found.get_frozen_credentials()
        asked_at = self._clock()
        with self._turn:
            if self._failed_at >= asked_at:
                raise CredentialRetrievalError(provider="chain", error_msg="another call failed")
            try:
                return self._ask()
            except (NoCredentialsError, PartialCredentialsError):
                raise
            except Exception as error:
                self._failed_at = self._clock()
                logger.warning("no aws credentials", extra=_described(error))
                raise CredentialRetrievalError(
                    provider="chain", error_msg=type(error).__name__
                ) from error

    def get_deferred_property(self, _name: str) -> Callable[[], None]:
        """Return nothing: the endpoints that we use don't depend on the account."""
        return lambda: None

    def _ask(self) -> ReadOnlyCredentials:
        self._found = self._found or self._find()
        if self._found is not None:
            return self._found.get_frozen_credentials()
        if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            raise NoCredentialsError
        raise _NoneFound


class _NoneFound(Exception):
    """Nobody has credentials. EC2's metadata service may have some when it answers."""


class _Provider:
    """Stands in for botocore's chain of providers."""

    def __init__(self, find: Callable[[], Credentials | None]) -> None:
        self._credentials = DeferredCredentials(find)

    def load_credentials(self) -> DeferredCredentials:
        return self._credentials


def _must_refresh(credentials: Credentials) -> bool:
    return isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed(
        _MUST_REFRESH_SECONDS
    )


def _described(error: Exception) -> dict[str, str | None]:
    """Say what went wrong without AWS's text, which names accounts and roles."""
    answer = error.response if isinstance(error, ClientError) else {}
    return {
        "error_type": type(error).__name__,
        "client_error_code": answer.get("Error", {}).get("Code"),
    }
