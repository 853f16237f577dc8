"""Mails are read and deleted quickly where that is safe, and by boto3 where it is not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError
from markus.testing import MetricsMock

from emails.edges import s3
from emails.edges.aws import Answer, answer_of
from emails.edges.quick_s3 import QuickS3
from emails.edges.s3 import S3MailStore
from emails.values.errors import NotFinished, Unavailable
from emails.values.notifications import StoredMail
from runtime.aws import make_session
from tests.aws_threads import FastAwsThread
from tests.fakes import ANY_ROOM
from tools.aws.faults import Faults, ServiceFaults
from tools.local.aws import BUCKET, REGION

RAW = bytes(range(256)) * 100


def quick_s3(aws: FastAwsThread) -> QuickS3:
    aws.s3.put_object(Bucket=BUCKET, Key="in/0100", Body=RAW, Metadata={"Written-By": "somebody"})
    return QuickS3(make_session(REGION))


@pytest.fixture(autouse=True)
def _here(fast_aws: FastAwsThread, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fast_aws.environ().items():
        monkeypatch.setenv(name, value)


def test_an_ordinary_mail_is_read_without_boto3(fast_aws: FastAwsThread) -> None:
    store = S3MailStore(Mock(spec=[]), quick_s3(fast_aws))

    assert store.fetch(StoredMail(BUCKET, "in/0100"), ANY_ROOM) == RAW


def test_size_and_metadata_are_known_before_the_body_is_read(fast_aws: FastAwsThread) -> None:
    opened = quick_s3(fast_aws).open(StoredMail(BUCKET, "in/0100"))

    assert opened is not None
    assert (opened.size, dict(opened.metadata)) == (len(RAW), {"written-by": "somebody"})
    assert opened.read() == RAW


@pytest.mark.parametrize(
    "key",
    ["/in/0100", "in/0100/", "in//0100", "in/./0100", "./in/0100", "in/ü", "in/a b", "in/%41"],
)
def test_a_key_that_obstore_might_change_is_left_to_boto3(
    fast_aws: FastAwsThread, key: str
) -> None:
    fast_aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"another mail")

    assert quick_s3(fast_aws).open(StoredMail(BUCKET, key)) is None


def test_a_call_that_is_cut_is_left_to_boto3(fast_aws: FastAwsThread) -> None:
    reads = quick_s3(fast_aws)
    fast_aws.set_faults(Faults(s3=ServiceFaults(cut=1)))

    opened = reads.open(StoredMail(BUCKET, "in/0100"))

    assert opened is None or opened.read() is None


@pytest.mark.parametrize(
    ("faults", "status", "code"),
    [
        (ServiceFaults(failed=1), 500, "InternalError"),
        (ServiceFaults(throttled=1), 503, "SlowDown"),
    ],
)
def test_an_error_is_boto3s_without_asking_it(
    fast_aws: FastAwsThread, faults: ServiceFaults, status: int, code: str
) -> None:
    reads = quick_s3(fast_aws)
    fast_aws.set_faults(Faults(s3=faults))

    with pytest.raises(ClientError) as error:
        reads.open(StoredMail(BUCKET, "in/0100"))

    assert answer_of(error.value) == Answer(status, code)


@pytest.mark.parametrize(("bucket", "code"), [(BUCKET, "NoSuchKey"), ("elsewhere", "NoSuchBucket")])
def test_a_mail_that_is_not_there_is_an_error(
    fast_aws: FastAwsThread, bucket: str, code: str
) -> None:
    with pytest.raises(ClientError) as error:
        quick_s3(fast_aws).open(StoredMail(bucket, "gone"))

    assert answer_of(error.value).code == code


@pytest.mark.parametrize(
    ("region", "environment", "bucket", "endpoint"),
    [
        ("eu-west-1", {}, "mails", "https://mails.s3.eu-west-1.amazonaws.com"),
        ("eu-west-1", {}, "my.mails", "https://s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", {}, "mails", "https://mails.s3.cn-north-1.amazonaws.com.cn"),
        (
            "us-gov-west-1",
            {"AWS_USE_FIPS_ENDPOINT": "true"},
            "mails",
            "https://mails.s3-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            "eu-west-1",
            {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"},
            "mails",
            "http://127.0.0.1:9",
        ),
    ],
)
def test_a_bucket_is_where_botocore_looks_for_it(
    monkeypatch: pytest.MonkeyPatch,
    region: str,
    environment: dict[str, str],
    bucket: str,
    endpoint: str,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    store: Any = QuickS3(make_session(region)).store_of(bucket)

    assert (store.config["endpoint"], store.config["region"]) == (endpoint, region)
    is_in_host = store.config["virtual_hosted_style_request"] == "true"
    assert is_in_host == endpoint.startswith(f"https://{bucket}.")


def test_credentials_that_cant_be_had_are_waited_for_once() -> None:
    fail = CredentialRetrievalError(provider="chain", error_msg="no answer")
    reads = QuickS3(make_session(REGION))
    reads.credentials = Mock(side_effect=fail)
    store = S3MailStore(Mock(spec=[]), reads)

    with pytest.raises(Unavailable) as failure:
        store.fetch(StoredMail(BUCKET, "in/0100"), ANY_ROOM)

    assert failure.value.code == "CredentialRetrievalError"


def test_credentials_are_asked_for_again_within_minutes() -> None:
    """botocore renews them; obstore must not go on with those that have ended."""
    reads = QuickS3(make_session(REGION))

    expires_at = reads.credentials()["expires_at"]

    assert expires_at is not None
    assert expires_at - datetime.now(UTC) <= timedelta(minutes=6)


def test_with_cas_of_the_settings_own_boto3_reads_and_deletes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/ca.pem")
    quick = QuickS3(make_session(REGION))

    assert quick.open(StoredMail(BUCKET, "in/0100")) is None
    assert quick.delete(StoredMail(BUCKET, "in/0100")) is False


def test_what_boto3_has_to_read_is_counted(fast_aws: FastAwsThread) -> None:
    quick_s3(fast_aws)
    fast_aws.s3.put_object(Bucket=BUCKET, Key="in/a b", Body=RAW)
    store = s3.connect(make_session(REGION))

    with MetricsMock() as metrics:
        store.fetch(StoredMail(BUCKET, "in/0100"), ANY_ROOM)
        assert metrics.get_records() == []
        store.fetch(StoredMail(BUCKET, "in/a b"), ANY_ROOM)
        metrics.assert_incr("emails.read_by_boto3")


def test_an_ordinary_mail_is_deleted_without_boto3(fast_aws: FastAwsThread) -> None:
    store = S3MailStore(Mock(spec=[]), quick_s3(fast_aws))

    store.delete_one(StoredMail(BUCKET, "in/0100"))
    assert fast_aws.stored_mails() == []
    store.delete_one(StoredMail(BUCKET, "in/0100"))


@pytest.mark.parametrize("key", ["/in/0100", "in//0100", "in/a b"])
def test_boto3_deletes_under_a_key_that_obstore_might_change(
    fast_aws: FastAwsThread, key: str
) -> None:
    store = S3MailStore(fast_aws.s3, quick_s3(fast_aws))
    fast_aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"another mail")

    store.delete_one(StoredMail(BUCKET, key))

    assert fast_aws.stored_mails() == ["in/0100"]


@pytest.mark.parametrize(
    ("faults", "failure", "code"),
    [
        (ServiceFaults(failed=1), Unavailable, "InternalError"),
        (ServiceFaults(throttled=1), NotFinished, "SlowDown"),
        (ServiceFaults(cut=1), Unavailable, "HTTPClientError"),
    ],
)
def test_a_deletion_that_fails_is_not_tried_by_boto3(
    fast_aws: FastAwsThread, faults: ServiceFaults, failure: type[NotFinished], code: str
) -> None:
    store = S3MailStore(Mock(spec=[]), quick_s3(fast_aws))
    fast_aws.set_faults(Faults(s3=faults))

    with pytest.raises(failure) as raised:
        store.delete_one(StoredMail(BUCKET, "in/0100"))

    assert raised.value.code == code


def test_where_a_bucket_is_one_thread_finds_for_all() -> None:
    """Each would read ten megabytes for that."""
    quick = QuickS3(make_session(REGION))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: quick.store_of(BUCKET), range(4)))

    assert quick._url_of.cache_info().misses == 1
