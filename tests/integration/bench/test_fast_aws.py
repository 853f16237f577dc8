"""What goes wrong in the fast local AWS when it was ordered to, as a client of AWS meets it."""

import threading
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.polling import poll_under_way
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.aws.faults import Faults, Outage, Refusal, ServiceFaults
from tools.local.aws import BUCKET, REGION

MAIL = b"From: x7k2@masks.example\r\nSubject: Hi\r\n\r\nHello\r\n"

Call = Callable[[FastAws], object]


def with_faults(service: str, faults: ServiceFaults) -> Faults:
    """Make one service fail."""
    services: dict[str, Any] = {service: faults}
    return Faults(**services)


def one_fault(name: str) -> ServiceFaults:
    """Make one fault certain."""
    shares: dict[str, Any] = {name: 1}
    return ServiceFaults(**shares)


def client(aws: FastAws, service: str, read_timeout_seconds: float = 10) -> Any:
    """A client that tries once."""
    config = Config(
        proxies={}, retries={"total_max_attempts": 1}, read_timeout=read_timeout_seconds
    )
    return boto3.Session("test", "test", region_name=REGION).client(  # type: ignore[call-overload]
        service, endpoint_url=aws.endpoint, config=config
    )


def put_message(aws: FastAws, **options: Any) -> object:
    sqs = client(aws, "sqs", **options)
    return sqs.send_message(QueueUrl=aws.queue_url, MessageBody="a message")


def put_object(aws: FastAws) -> object:
    return client(aws, "s3").put_object(Bucket=BUCKET, Key="1", Body=MAIL)


def send_mail(aws: FastAws) -> object:
    return client(aws, "sesv2").send_email(
        FromEmailAddress="x7k2@masks.example",
        Destination={"ToAddresses": ["owner@owner.example"]},
        Content={"Raw": {"Data": MAIL}},
    )


CALLS: dict[str, tuple[Call, Call]] = {
    "sqs": (put_message, lambda aws: aws.count(aws.queue_url)),
    "s3": (put_object, lambda aws: len(aws.stored_mails())),
    "ses": (send_mail, lambda aws: len(aws.sent())),
}
"""A call of each service, and how many such calls were carried out."""


def error_of(call: Call, aws: FastAws) -> tuple[int, str]:
    with pytest.raises(ClientError) as error:
        call(aws)
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("sqs", (400, "ThrottlingException")),
        ("s3", (503, "SlowDown")),
        ("ses", (429, "TooManyRequestsException")),
    ],
)
def test_a_throttled_request_is_not_carried_out(
    fast_aws: FastAws, service: str, expected: tuple[int, str]
) -> None:
    call, carried_out = CALLS[service]
    fast_aws.set_faults(with_faults(service, ServiceFaults(throttled=1)))

    assert error_of(call, fast_aws) == expected

    fast_aws.set_faults(Faults())
    assert carried_out(fast_aws) == 0


@pytest.mark.parametrize(("fault", "times"), [("failed", 0), ("unconfirmed", 1)])
@pytest.mark.parametrize("service", CALLS)
def test_a_request_that_fails_may_have_been_carried_out(
    fast_aws: FastAws, service: str, fault: str, times: int
) -> None:
    call, carried_out = CALLS[service]
    fast_aws.set_faults(with_faults(service, one_fault(fault)))

    assert error_of(call, fast_aws) == (500, "InternalError")

    fast_aws.set_faults(Faults())
    assert carried_out(fast_aws) == times


@pytest.mark.parametrize("service", CALLS)
def test_a_connection_that_is_cut_leaves_a_request_carried_out(
    fast_aws: FastAws, service: str
) -> None:
    call, carried_out = CALLS[service]
    fast_aws.set_faults(with_faults(service, ServiceFaults(cut=1)))

    with pytest.raises(ConnectionClosedError):
        call(fast_aws)

    fast_aws.set_faults(Faults())
    assert carried_out(fast_aws) == 1


@pytest.mark.parametrize("service", CALLS)
def test_a_service_is_out_of_order_until_told_otherwise(fast_aws: FastAws, service: str) -> None:
    call, carried_out = CALLS[service]
    fast_aws.set_faults(with_faults(service, ServiceFaults(outage=Outage.ERRORS)))

    for _ in range(2):
        assert error_of(call, fast_aws) == (503, "ServiceUnavailable")

    fast_aws.set_faults(Faults())
    call(fast_aws)
    assert carried_out(fast_aws) == 1


def test_a_service_may_cut_all_connections(fast_aws: FastAws) -> None:
    fast_aws.set_faults(Faults(sqs=ServiceFaults(outage=Outage.CUT)))

    with pytest.raises(ConnectionClosedError):
        put_message(fast_aws)

    fast_aws.set_faults(Faults())
    assert fast_aws.count(fast_aws.queue_url) == 0


def test_a_service_may_say_nothing(fast_aws: FastAws) -> None:
    fast_aws.set_faults(Faults(sqs=ServiceFaults(outage=Outage.SILENT)))

    with pytest.raises(ReadTimeoutError):
        put_message(fast_aws, read_timeout_seconds=0.5)

    fast_aws.set_faults(Faults())
    assert fast_aws.count(fast_aws.queue_url) == 0


REFUSALS = [
    ("sqs", Refusal(403, "AccessDeniedException", "not authorized to perform sqs:sendmessage")),
    ("s3", Refusal(403, "AccessDenied", "Access Denied")),
    ("s3", Refusal(400, "KMS.DisabledException", "The key is disabled.")),
    ("ses", Refusal(403, "InvalidSignatureException", "Signature expired")),
    ("ses", Refusal(400, "AccountSuspendedException", "The account is suspended.")),
    ("ses", Refusal(429, "TooManyRequestsException", "Daily message quota exceeded.")),
]


@pytest.mark.parametrize(("service", "refusal"), REFUSALS)
def test_a_service_may_refuse_everything_with_any_error(
    fast_aws: FastAws, service: str, refusal: Refusal
) -> None:
    call, carried_out = CALLS[service]
    fast_aws.set_faults(with_faults(service, ServiceFaults(refused=refusal)))

    with pytest.raises(ClientError, match=refusal.message) as error:
        call(fast_aws)

    answer = error.value.response
    assert answer["Error"]["Code"] == refusal.code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == refusal.status
    fast_aws.set_faults(Faults())
    assert carried_out(fast_aws) == 0


@pytest.mark.parametrize("service", CALLS)
def test_a_gateway_may_give_up_on_what_is_carried_out(fast_aws: FastAws, service: str) -> None:
    call, carried_out = CALLS[service]
    timeout = Refusal(504, "GatewayTimeout", is_carried_out=True)
    fast_aws.set_faults(with_faults(service, ServiceFaults(refused=timeout)))

    assert error_of(call, fast_aws) == (504, "GatewayTimeout")

    fast_aws.set_faults(Faults())
    assert carried_out(fast_aws) == 1


def test_one_operation_may_fail_while_the_others_work(fast_aws: FastAws) -> None:
    fast_aws.set_faults(Faults(sqs=ServiceFaults(cut=1, only=("DeleteMessageBatch",))))
    sqs = client(fast_aws, "sqs")
    put_message(fast_aws)
    (message,) = sqs.receive_message(QueueUrl=fast_aws.queue_url)["Messages"]

    with pytest.raises(ConnectionClosedError):
        sqs.delete_message_batch(
            QueueUrl=fast_aws.queue_url,
            Entries=[{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}],
        )

    assert fast_aws.all_message_ids(fast_aws.queue_url) == set()


def test_a_new_object_may_become_visible_late(fast_aws: FastAws) -> None:
    put_object(fast_aws)
    fast_aws.set_faults(Faults(invisible_seconds=3600))

    with pytest.raises(ClientError, match="NoSuchKey"):
        client(fast_aws, "s3").get_object(Bucket=BUCKET, Key="1")

    fast_aws.set_faults(Faults())
    assert client(fast_aws, "s3").get_object(Bucket=BUCKET, Key="1")["Body"].read() == MAIL


def test_what_was_received_is_counted_though_it_is_deleted(fast_aws: FastAws) -> None:
    message_id = fast_aws.put("a message")
    assert fast_aws.receives(fast_aws.queue_url) == {}

    for seconds in (0, 600):
        (message,) = fast_aws.sqs.receive_message(
            QueueUrl=fast_aws.queue_url, VisibilityTimeout=seconds
        )["Messages"]
    fast_aws.sqs.delete_message(QueueUrl=fast_aws.queue_url, ReceiptHandle=message["ReceiptHandle"])

    assert fast_aws.receives(fast_aws.queue_url) == {message_id: 2}
    assert fast_aws.all_message_ids(fast_aws.queue_url) == set()


def in_background(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def test_silence_ends_with_the_outage(fast_aws: FastAws) -> None:
    fast_aws.set_faults(Faults(sqs=ServiceFaults(outage=Outage.SILENT)))
    errors: list[BaseException] = []

    def put() -> None:
        try:
            put_message(fast_aws)
        except ConnectionClosedError as error:
            errors.append(error)

    thread = in_background(put)
    requests = fast_aws.statistics
    wait_until(
        "a request that is held",
        lambda: requests()["requests"].get("sqs.SendMessage", {}).get("outage"),
    )
    assert thread.is_alive()

    fast_aws.set_faults(Faults())

    thread.join(5)
    assert len(errors) == 1


def test_an_outage_reaches_a_poll_that_is_under_way(fast_aws: FastAws) -> None:
    sqs = client(fast_aws, "sqs", read_timeout_seconds=30)
    with poll_under_way(sqs, QueueUrl=fast_aws.queue_url, WaitTimeSeconds=20) as poll:
        fast_aws.set_faults(Faults(sqs=ServiceFaults(outage=Outage.ERRORS)))
        fast_aws.put("a message")

        with pytest.raises(ClientError, match="ServiceUnavailable"):
            poll.result()


def test_a_message_is_not_given_to_a_client_that_has_hung_up(fast_aws: FastAws) -> None:
    sqs = client(fast_aws, "sqs", read_timeout_seconds=0.3)
    with pytest.raises(ReadTimeoutError):
        sqs.receive_message(QueueUrl=fast_aws.queue_url, WaitTimeSeconds=20)

    fast_aws.put("a message")

    assert len(fast_aws.message_ids(fast_aws.queue_url)) == 1


def test_a_request_waits_for_its_latency(fast_aws: FastAws) -> None:
    fast_aws.set_faults(Faults(ses=ServiceFaults(latency_ms=60_000)))

    with pytest.raises(ReadTimeoutError):
        client(fast_aws, "sesv2", read_timeout_seconds=0.5).create_email_identity(
            EmailIdentity="other.example"
        )


def test_what_goes_wrong_is_told_and_ends_with_a_reset(fast_aws: FastAws) -> None:
    refused = ServiceFaults(refused=Refusal(403, "AccessDenied"), only=("SendEmail",))
    wrong = Faults(s3=ServiceFaults(latency_ms=1, cut=0.5), ses=refused, duplicated=0.1, seed=7)

    fast_aws.set_faults(wrong)
    assert fast_aws.faults() == wrong

    fast_aws.reset()
    assert fast_aws.faults() == Faults()


def test_what_a_test_orders_and_counts_meets_no_faults(fast_aws: FastAws) -> None:
    out = ServiceFaults(outage=Outage.CUT)
    fast_aws.set_faults(Faults(sqs=out, s3=out, ses=out, sns=out))

    fast_aws.deliver(MAIL, ["x7k2@masks.example"])

    assert fast_aws.count(fast_aws.queue_url) == 1
    assert len(fast_aws.stored_mails()) == 1
    assert fast_aws.sent() == []


def test_many_mails_are_delivered_at_once(fast_aws: FastAws) -> None:
    ids = fast_aws.deliver_many([(MAIL, ["x7k2@masks.example"])] * 1200)

    assert len(set(ids)) == 1200
    assert fast_aws.count(fast_aws.queue_url) == 1200
    keys = fast_aws.stored_mails()
    assert len(keys) == 1200
    assert fast_aws.s3.get_object(Bucket=BUCKET, Key=keys[0])["Body"].read() == MAIL
    assert fast_aws.message_ids(fast_aws.queue_url) <= set(ids)


def test_mails_may_be_kept_without_their_bodies(fast_aws: FastAws) -> None:
    fast_aws.keep_bodies(False)
    send_mail(fast_aws)

    (mail,) = fast_aws.sent()
    assert mail.raw == MAIL.partition(b"\r\n\r\n")[0]


def test_mails_are_listed_from_a_number_on(fast_aws: FastAws) -> None:
    for _ in range(3):
        send_mail(fast_aws)

    assert fast_aws.sent(start=2) == fast_aws.sent()[2:]
    assert len(fast_aws.statistics()["sent_at"]) == 3
