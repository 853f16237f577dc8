"""S3, SES and SNS as boto3 sees them, on both servers."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.conftest import moto_differs
from tools.local.aws import BUCKET, REGION, TOPIC, SentMail, SimulatedAws

MAIL = b"From: x7k2@masks.example\r\nTo: owner@owner.example\r\nSubject: Hi\r\n\r\nHello\r\n"
SENDER, OWNER = "Ann <x7k2@masks.example>", "owner@owner.example"


# What a session has read of a service, it keeps: one saves a quarter of a second a client.
_SESSION = boto3.Session("test", "test", region_name=REGION)


def client(aws: SimulatedAws, service: str, **options: Any) -> Any:
    return _SESSION.client(  # type: ignore[call-overload]
        service,
        endpoint_url=aws.endpoint,
        config=Config(proxies={}, retries={"total_max_attempts": 1}, **options),
    )


def put_and_get(aws: SimulatedAws, key: str, content: bytes, **put: Any) -> bytes:
    aws.s3.put_object(Bucket=BUCKET, Key=key, **({"Body": content} | put))
    read: bytes = aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return read


@pytest.mark.parametrize("key", ["1", "/emails/objectkey123", "ein Schlüssel+%2F&?<.eml"])
def test_an_object_is_read_as_it_was_written(any_aws: SimulatedAws, key: str) -> None:
    content = bytes(range(256)) * 1000

    assert put_and_get(any_aws, key, content) == content
    (listed,) = any_aws.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert (listed["Key"], listed["Size"]) == (key, len(content))


def test_an_object_is_read_as_it_was_streamed(any_aws: SimulatedAws) -> None:
    content = bytes(range(256)) * 1000

    assert put_and_get(any_aws, "streamed", b"", Body=io.BytesIO(content)) == content
    head = any_aws.s3.head_object(Bucket=BUCKET, Key="streamed")
    assert head["ContentLength"] == len(content)


def test_an_object_that_came_in_chunks_is_whole(any_aws: SimulatedAws) -> None:
    """As boto3 sends a stream to an endpoint with TLS: with a checksum behind the last chunk."""
    request = Request(
        f"{any_aws.endpoint}/{BUCKET}/chunked",
        b"6\r\na mail\r\n5\r\n in 2\r\n0\r\nx-amz-checksum-crc32:xJBrZQ==\r\n\r\n",
        {
            "Content-Encoding": "aws-chunked",
            "Content-Type": "application/octet-stream",
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": "11",
            "x-amz-trailer": "x-amz-checksum-crc32",
        },
        method="PUT",
    )

    build_opener(ProxyHandler({})).open(request).close()

    answer = any_aws.s3.get_object(Bucket=BUCKET, Key="chunked")
    assert answer["Body"].read() == b"a mail in 2"


@pytest.mark.parametrize("key", ["1", "/emails/objectkey123", "ein Schlüssel+%2F&?<.eml"])
def test_an_object_is_copied(any_aws: SimulatedAws, key: str) -> None:
    put_and_get(any_aws, key, b"a mail")

    answer = any_aws.s3.copy_object(
        Bucket=BUCKET, Key="held/1", CopySource={"Bucket": BUCKET, "Key": key}
    )

    copy = any_aws.s3.get_object(Bucket=BUCKET, Key="held/1")
    assert copy["Body"].read() == b"a mail"
    assert answer["CopyObjectResult"]["ETag"] == copy["ETag"]


def test_an_object_keeps_what_its_writer_says_of_it(any_aws: SimulatedAws) -> None:
    told = {"x-amz-key-v2": "AQ==", "written-by": "somebody"}
    any_aws.s3.put_object(Bucket=BUCKET, Key="a", Body=b"x", Metadata=told)
    any_aws.s3.copy_object(Bucket=BUCKET, Key="b", CopySource={"Bucket": BUCKET, "Key": "a"})

    for key in "ab":
        assert any_aws.s3.get_object(Bucket=BUCKET, Key=key)["Metadata"] == told
        assert any_aws.s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] == told


def test_what_is_not_there_is_not_copied(any_aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as error:
        any_aws.s3.copy_object(
            Bucket=BUCKET, Key="held/1", CopySource={"Bucket": BUCKET, "Key": "none"}
        )

    assert error.value.response["Error"]["Code"] == "NoSuchKey"
    assert any_aws.stored_mails() == []


def test_an_object_tells_its_length_and_age(any_aws: SimulatedAws) -> None:
    put_and_get(any_aws, "1", b"1234")

    answer = any_aws.s3.get_object(Bucket=BUCKET, Key="1")

    assert answer["ContentLength"] == 4
    assert abs(datetime.now(UTC) - answer["LastModified"]) < timedelta(minutes=1)


def test_a_deleted_object_is_gone_and_may_be_deleted_again(any_aws: SimulatedAws) -> None:
    put_and_get(any_aws, "1", b"a mail")

    for _ in range(2):
        any_aws.s3.delete_object(Bucket=BUCKET, Key="1")

    assert any_aws.stored_mails() == []


def test_objects_are_deleted_in_batches(any_aws: SimulatedAws) -> None:
    for key in ("1", "2 & 3", "4"):
        put_and_get(any_aws, key, b"a mail")

    answer = any_aws.s3.delete_objects(
        Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in ("1", "2 & 3", "none")]}
    )

    assert {entry["Key"] for entry in answer["Deleted"]} == {"1", "2 & 3", "none"}
    assert any_aws.stored_mails() == ["4"]


def test_a_long_list_comes_in_pages(any_aws: SimulatedAws) -> None:
    for number in range(5):
        put_and_get(any_aws, f"in/{number}", b"a mail")
    put_and_get(any_aws, "elsewhere", b"a mail")

    pages = any_aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="in/", PaginationConfig={"PageSize": 2}
    )

    listed = [[entry["Key"] for entry in page["Contents"]] for page in pages]
    assert listed == [["in/0", "in/1"], ["in/2", "in/3"], ["in/4"]]


@pytest.mark.parametrize(
    ("bucket", "key", "expected"),
    [(BUCKET, "none", "NoSuchKey"), ("nobody-s-bucket", "none", "NoSuchBucket")],
)
def test_what_is_not_in_s3(any_aws: SimulatedAws, bucket: str, key: str, expected: str) -> None:
    with pytest.raises(ClientError) as error:
        any_aws.s3.get_object(Bucket=bucket, Key=key)

    assert error.value.response["Error"]["Code"] == expected
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_missing_object_has_no_head(any_aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as error:
        any_aws.s3.head_object(Bucket=BUCKET, Key="none")

    assert error.value.response["Error"]["Code"] == "404"


def send(aws: SimulatedAws, raw: bytes = MAIL, sender: str = SENDER) -> str:
    answer = client(aws, "sesv2").send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": [OWNER]},
        Content={"Raw": {"Data": raw}},
        EmailTags=[{"Name": "kind", "Value": "forward"}],
    )
    ses_id: str = answer["MessageId"]
    return ses_id


def test_a_sent_mail_can_be_seen(any_aws: SimulatedAws) -> None:
    first, second = send(any_aws), send(any_aws, MAIL.replace(b"Hi", b"Again"))

    assert first != second
    assert any_aws.sent() == [
        SentMail(SENDER, (OWNER,), MAIL, first),
        SentMail(SENDER, (OWNER,), MAIL.replace(b"Hi", b"Again"), second),
    ]


@moto_differs("moto decodes each mail as UTF-8, and breaks")
def test_a_sent_mail_may_be_any_bytes(any_aws: SimulatedAws) -> None:
    raw = MAIL + bytes(range(256))

    send(any_aws, raw)

    assert [mail.raw for mail in any_aws.sent()] == [raw]


def test_a_sender_that_is_not_ours_is_refused(any_aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as error:
        send(any_aws, sender="somebody@else.example")

    assert error.value.response["Error"]["Code"] == "MessageRejected"
    assert any_aws.sent() == []


def test_a_subscription_is_confirmed(any_aws: SimulatedAws) -> None:
    answer = client(any_aws, "sns").confirm_subscription(TopicArn=TOPIC, Token="a token")

    assert answer["SubscriptionArn"].startswith(f"{TOPIC}:")


def test_a_topic_that_there_is_not_confirms_nothing(any_aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as error:
        client(any_aws, "sns").confirm_subscription(TopicArn=f"{TOPIC}-not", Token="a token")

    assert error.value.response["Error"]["Code"] == "NotFound"
