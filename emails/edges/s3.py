"""S3: the mails that SES stored. Its errors are translated here, once."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from emails.edges.aws import PASSING, client_config, code_of, status_of
from emails.values.errors import NotFinished, Refused
from emails.values.notifications import StoredMail
from emails.values.outcomes import RefuseReason, RetryReason

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MAX_MAIL_BYTES = 60 * 1024 * 1024
"""SES takes mails of up to 40 MB in and out; whatever is far above is no mail of SES's."""

_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})


class S3MailStore:
    """The mails that SES stored in S3."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def fetch(self, mail: StoredMail) -> bytes:
        """Read a mail. Raises `NotFinished`, or `Refused` for one that is not there.

        SES stores a mail before it tells of it, and S3 shows at once what was stored: a mail that
        is missing now will not come.
        """
        try:
            answer = self._client.get_object(Bucket=mail.bucket, Key=mail.key)
            if answer["ContentLength"] > MAX_MAIL_BYTES:
                raise Refused(RefuseReason.MAIL_TOO_LARGE)
            return answer["Body"].read()
        except ClientError as error:
            raise _store_failure(error) from error
        except (BotoCoreError, OSError) as error:
            raise NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE) from error

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Delete up to 1,000 mails; gives the keys of those that are still there, with S3's reason.

        One that is gone already is deleted, too. Raises as `fetch`, when none was deleted.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        """
        try:
            answer = self._client.delete_objects(
                Bucket=bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
        except ClientError as error:
            raise _store_failure(error) from error
        except BotoCoreError as error:
            raise NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE) from error
        return {one["Key"]: one.get("Code", "") for one in answer.get("Errors", ())}


def _store_failure(error: ClientError) -> Refused | NotFinished:
    code, status = code_of(error), status_of(error)
    if code in PASSING or status == 429:
        return NotFinished(RetryReason.MAIL_STORE_THROTTLED)
    if status >= 500:
        return NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE)
    if code in _MISSING:
        return Refused(RefuseReason.MAIL_MISSING)
    return Refused(RefuseReason.MAIL_STORE_REJECTED)


def connect(session: "boto3.session.Session") -> S3MailStore:
    """Make the store: once a process, since a client is slow to make; all threads may share it."""
    return S3MailStore(session.client("s3", config=client_config(attempts=3)))
