"""Reads and deletes mails in S3 with obstore, for a twentieth of the CPU that boto3 takes.

Only under a plain key, one that obstore leaves as it is, and not with `AWS_CA_BUNDLE`, which never
reaches obstore. What it cannot do, boto3 is asked to do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import obstore
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError
from obstore.store import S3Store

from emails.edges.aws import (
    CONNECT_TIMEOUT_SECONDS,
    MAX_CONNECTIONS,
    READ_TIMEOUT_SECONDS,
    find_endpoint,
    own_ca_bundle,
)

if TYPE_CHECKING:
    import boto3
    from obstore import GetResult
    from obstore.store import ClientConfig, RetryConfig

    from emails.values.notifications import StoredMail

_PLAIN_KEY = re.compile(r"[\w=+@-][\w.=+@-]*(?:/[\w=+@-][\w.=+@-]*)*", re.ASCII)
"""obstore strips slashes at the ends of others, and refuses some."""

_CREDENTIALS_TTL = timedelta(minutes=6)
"""obstore asks for new ones five minutes before the end: so botocore decides when to renew them."""

_CLIENT: "ClientConfig" = {
    "connect_timeout": f"{CONNECT_TIMEOUT_SECONDS}s",
    "read_timeout": f"{READ_TIMEOUT_SECONDS}s",
    "timeout": f"{2 * READ_TIMEOUT_SECONDS}s",
    "pool_max_idle_per_host": str(MAX_CONNECTIONS),
    "user_agent": "mail-relay",
}

_DELETE_SECONDS = 5
"""How long a deletion may take, repeated or not: the mail's message waits for it."""

_DELETING: "ClientConfig" = _CLIENT | {
    "read_timeout": f"{_DELETE_SECONDS}s",
    "timeout": f"{_DELETE_SECONDS}s",
}


def _retries(seconds: float) -> "RetryConfig":
    """Return the policy for what S3 answers with 5xx: as often as boto3."""
    return {
        "max_retries": 2,
        "retry_timeout": timedelta(seconds=seconds),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=2),
            "base": 2,
        },
    }


_ERROR = re.compile(r"status code: ([45]\d\d)\b.*?<Code>([\w.]{1,100})</Code>", re.DOTALL)
"""S3's answer in the text of obstore's error."""

_NOT_DELETED = re.compile(r"DeleteObjects request failed.*\(code: ([\w.]{1,100})\)")
"""The same, of a key that S3 answers for within its 200."""

_FAILURES = (BaseError, BotoCoreError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Opened:
    """A mail whose size in bytes and metadata are known; its body has not been read."""

    size: int
    metadata: Mapping[str, str]
    _result: "GetResult"

    def read(self) -> bytes | None:
        """Read the body; None if that fails."""
        try:
            return bytes(self._result.bytes())
        except _FAILURES:
            return None


def _answer_in(error: Exception) -> ClientError | None:
    """Make boto3's error of the answer in an error of obstore. None: there was no answer."""
    text = str(error)
    if found := _ERROR.search(text):
        status, code = found.groups()
    elif found := _NOT_DELETED.search(text):
        status, code = "200", found[1]
    else:
        return None
    answer: Any = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": int(status)},
    }
    return ClientError(answer, "obstore")


class QuickS3:
    """The buckets that a session reaches."""

    def __init__(self, session: "boto3.session.Session") -> None:
        self.credentials = Boto3CredentialProvider(session, ttl=_CREDENTIALS_TTL)
        """Returns what obstore signs with. Raises like botocore."""
        self._region = session.region_name
        self._finding = Lock()
        self._url_of = lru_cache(maxsize=8)(self._find_url)
        self.store_of = lru_cache(maxsize=8)(self._make_store)
        """Returns the store of a bucket, for reading or for deleting."""

    def open(self, mail: "StoredMail") -> Opened | None:
        """Find a mail, and do not read it yet; None if boto3 has to be asked.

        Raises `BotoCoreError` if there are no credentials, and `ClientError` if S3 refuses: boto3
        would only learn the same again.
        """
        if (store := self._store_for(mail)) is None:
            return None
        try:
            result = obstore.get(store, mail.key)
            metadata = {str(name): str(value) for name, value in result.attributes.items()}
            return Opened(result.meta["size"], metadata, result)
        except _FAILURES as error:
            if answered := _answer_in(error):
                raise answered from None
            return None

    def delete(self, mail: "StoredMail") -> bool:
        """Delete a mail; a missing one counts as deleted. False if boto3 has to be asked.

        Raises like `open`, and also if S3 gives no answer: then nobody knows.
        """
        if (store := self._store_for(mail, is_to_delete=True)) is None:
            return False
        try:
            obstore.delete(store, mail.key)
        except _FAILURES as error:
            if answered := _answer_in(error):
                raise answered from None
            raise HTTPClientError(error=type(error).__name__) from None
        return True

    def _store_for(self, mail: "StoredMail", *, is_to_delete: bool = False) -> S3Store | None:
        if not _PLAIN_KEY.fullmatch(mail.key):
            return None
        self.credentials()
        return self.store_of(mail.bucket, is_to_delete=is_to_delete)

    def _make_store(self, bucket: str, *, is_to_delete: bool = False) -> S3Store | None:
        """Make it where botocore would look for it; None if that takes CAs of the settings' own."""
        client = _DELETING if is_to_delete else _CLIENT
        with self._finding:  # the others then find it in the cache
            url = self._url_of(bucket)
        if url.scheme == "https" and own_ca_bundle():
            return None
        return S3Store(
            bucket,
            endpoint=f"{url.scheme}://{url.netloc}",
            region=self._region,
            virtual_hosted_style_request=url.path == "/key",
            credential_provider=self.credentials,
            client_options={**client, "allow_http": url.scheme == "http"},
            retry_config=_retries(_DELETE_SECONDS if is_to_delete else READ_TIMEOUT_SECONDS),
        )

    def _find_url(self, bucket: str) -> SplitResult:
        """Find where botocore would look for the key `key`."""
        found = find_endpoint(
            self._region, "s3", lambda s3: s3.get_object(Bucket=bucket, Key="key")
        )
        return urlsplit(found.url)
