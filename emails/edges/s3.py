"""S3, which holds the mails that SES stored. The only module that interprets S3's errors."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import boto3
import markus
from botocore.exceptions import BotoCoreError, ClientError

from emails.edges.aws import (
    Answer,
    LateClient,
    answer_of,
    client_config,
    is_throttled,
    is_worlds_fault,
)
from emails.edges.ports import MailRoom
from emails.edges.quick_s3 import Opened, QuickS3
from emails.values.errors import MAX_TRIES, LargeMail, NotFinished, Refused, Unavailable
from emails.values.notifications import StoredMail
from emails.values.outcomes import RefuseReason, RetryReason
from runtime.dependencies import Dependency
from runtime.lane import goes_first

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

metrics = markus.get_metrics("emails")

MAX_MAIL_BYTES = 60 * 1024 * 1024
"""SES accepts mails of up to 40 MB; anything much larger can't be from SES."""

LARGE_BYTES = 1024 * 1024
"""A mail that takes about ten times as long as an ordinary one. Larger ones go before nobody."""

_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})

_EMPTY = "InvalidRange"
"""S3's answer if a range begins behind the object's end: it is empty."""

# S3's answer to a missing mail if we may not list the bucket, and to everything if the bucket's
# policy forbids it. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
_DENIED = frozenset({"AccessDenied", "403"})


_CLIENT_ENCRYPTION = frozenset(
    {
        *("x-amz-key", "x-amz-key-v2", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg"),
        *("x-amz-matdesc", "x-amz-unencrypted-content-length"),
        # The third version of the client: https://github.com/aws/amazon-s3-encryption-client-java
        *("x-amz-c", "x-amz-3", "x-amz-w", "x-amz-d", "x-amz-i"),
    }
)
"""Metadata of an object that the S3 encryption client wrote: its content is ciphertext. SES uses
that client if a receipt rule's S3 action has a key.
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-s3.html"""


class S3MailStore:
    """The mails that SES stored in S3."""

    def __init__(self, client: "S3Client", quick: QuickS3) -> None:
        self._client = client
        self._quick = quick

    def fetch(self, mail: StoredMail, room: MailRoom) -> bytes:
        """Fetch a mail, once there is room for it.

        Raises `NotFinished`, or `Refused` if it is too large or encrypted. Raises `LargeMail`,
        before it is read or takes room, if it is large and would go before others.

        SES stores a mail before it notifies us. One that is missing all the same gets some time to
        appear, since the only other choice is to give it up.
        """
        if (opened := self._open(mail)) is not None:
            _check(opened.size, opened.metadata)
            _wait_behind(opened.size)
            room.take(opened.size)
            if (raw := opened.read()) is not None:
                return raw
            room.leave()
        metrics.incr("read_by_boto3")
        return self._fetch_slowly(mail, room)

    def _open(self, mail: StoredMail) -> Opened | None:
        try:
            return self._quick.open(mail)
        except ClientError as error:
            raise _store_failure(answer_of(error)) from error
        except BotoCoreError as error:
            raise _unavailable(type(error).__name__) from error

    def _fetch_slowly(self, mail: StoredMail, room: MailRoom) -> bytes:
        try:
            answer = self._client.get_object(Bucket=mail.bucket, Key=mail.key)
            with answer["Body"] as body:
                _check(answer["ContentLength"], answer["Metadata"])
                _wait_behind(answer["ContentLength"])
                room.take(answer["ContentLength"])
                return body.read()
        except ClientError as error:
            raise _store_failure(answer_of(error)) from error
        except (BotoCoreError, OSError) as error:
            raise _unavailable(type(error).__name__) from error

    def fetch_start(self, mail: StoredMail, size: int) -> bytes:
        """Fetch at most the first `size` bytes of a mail. Raises like `fetch`.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        try:
            answer = self._client.get_object(
                Bucket=mail.bucket, Key=mail.key, Range=f"bytes=0-{size - 1}"
            )
            # Read no more, whatever a server makes of the range.
            return answer["Body"].read(size)
        except ClientError as error:
            if answer_of(error).code == _EMPTY:
                return b""
            raise _store_failure(answer_of(error)) from error
        except (BotoCoreError, OSError) as error:
            raise _unavailable(type(error).__name__) from error

    def copy(self, mail: StoredMail, key: str) -> int:
        """Copy a mail to another key of its bucket; return its size in bytes. Raises like `fetch`.

        S3 copies it itself. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
        """
        size = self._checked_size_of(mail)
        source: CopySourceTypeDef = {"Bucket": mail.bucket, "Key": mail.key}
        try:
            self._client.copy_object(Bucket=mail.bucket, Key=key, CopySource=source)
        except ClientError as error:
            raise _write_failure(answer_of(error)) from error
        except BotoCoreError as error:
            raise _unavailable(type(error).__name__) from error
        return size

    def _checked_size_of(self, mail: StoredMail) -> int:
        """Return a mail's size. Tells "may not read this mail" from "may not write"."""
        try:
            answer = self._client.head_object(Bucket=mail.bucket, Key=mail.key)
        except ClientError as error:
            if answer_of(error).code in _MISSING:
                # This answer has no body: only GET tells a missing mail from a missing bucket.
                return self._size_of_body(mail)
            raise _store_failure(answer_of(error)) from error
        except BotoCoreError as error:
            raise _unavailable(type(error).__name__) from error
        _check(answer["ContentLength"], answer["Metadata"])
        return answer["ContentLength"]

    def _size_of_body(self, mail: StoredMail) -> int:
        try:
            answer = self._client.get_object(Bucket=mail.bucket, Key=mail.key)
            answer["Body"].close()
        except ClientError as error:
            raise _store_failure(answer_of(error)) from error
        except BotoCoreError as error:
            raise _unavailable(type(error).__name__) from error
        _check(answer["ContentLength"], answer["Metadata"])
        return answer["ContentLength"]

    def put(self, mail: StoredMail, raw: bytes) -> None:
        """Store a mail. Raises `NotFinished`."""
        try:
            self._client.put_object(Bucket=mail.bucket, Key=mail.key, Body=raw)
        except ClientError as error:
            raise _write_failure(answer_of(error)) from error
        except BotoCoreError as error:
            raise _unavailable(type(error).__name__) from error

    def delete_one(self, mail: StoredMail) -> None:
        """Delete a mail; a missing one counts as deleted. Raises `NotFinished` or `Refused`."""
        try:
            if not self._quick.delete(mail):
                self._client.delete_object(Bucket=mail.bucket, Key=mail.key)
        except ClientError as error:
            raise _write_failure(answer_of(error)) from error
        except BotoCoreError as error:
            raise _unavailable(type(error).__name__) from error

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Delete up to 1,000 mails; return the keys of those not deleted, with S3's error codes.

        A missing mail counts as deleted. Raises like `fetch` if the whole call fails.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        """
        try:
            answer = self._client.delete_objects(
                Bucket=bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
        except ClientError as error:
            raise _store_failure(answer_of(error)) from error
        except BotoCoreError as error:
            raise _unavailable(type(error).__name__) from error
        return {error["Key"]: error.get("Code", "") for error in answer.get("Errors", ())}


def _check(size: int, metadata: Mapping[str, str]) -> None:
    """Raise `Refused` if this can't be a mail. What S3 itself encrypts, it also decrypts."""
    if size > MAX_MAIL_BYTES:
        raise Refused(RefuseReason.MAIL_TOO_LARGE)
    if not _CLIENT_ENCRYPTION.isdisjoint(map(str.lower, metadata)):
        raise Refused(RefuseReason.MAIL_ENCRYPTED)


def _wait_behind(size: int) -> None:
    """Raise `LargeMail` if a mail of this size is not to go before others, and would."""
    if goes_first.get() and size > LARGE_BYTES:
        raise LargeMail(size)


def _write_failure(answer: Answer) -> Refused | NotFinished:
    """Map an error of writing: if it is denied, that is no mail's fault."""
    if answer.code in _DENIED:
        return _unavailable(answer.code)
    return _store_failure(answer)


def _store_failure(answer: Answer) -> Refused | NotFinished:
    code = answer.code
    if is_throttled(answer):
        return NotFinished(RetryReason.MAIL_STORE_THROTTLED, code)
    if code in _DENIED:
        return Unavailable(
            RefuseReason.MAIL_STORE_REJECTED, Dependency.S3, code, max_tries=MAX_TRIES
        )
    if is_worlds_fault(answer):
        return _unavailable(code)
    if code in _MISSING:
        return NotFinished(RefuseReason.MAIL_MISSING, code, max_tries=MAX_TRIES)
    return Refused(RefuseReason.MAIL_STORE_REJECTED, code)


def _unavailable(code: str) -> Unavailable:
    return Unavailable(RetryReason.MAIL_STORE_UNAVAILABLE, Dependency.S3, code)


def connect(session: "boto3.session.Session") -> S3MailStore:
    """Make the store: one per process, threads can share it."""
    client = cast("S3Client", LateClient(session, "s3", client_config(attempts=2)))
    return S3MailStore(client, QuickS3(session))
