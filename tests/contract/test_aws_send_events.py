"""The fast local AWS publishes SES's `Send` events, which the bridge takes for genuine."""

import time
from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bridge.sns import signature
from bridge.sns.envelope import Envelope
from bridge.sns.routing import Route, SendConfirmed, route_of
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.aws.faults import Faults, ServiceFaults
from tools.local.aws import REGION, TOPIC

DELIVERY = "12-0f3a5c7d9e1b"


@pytest.fixture
def aws(fast_aws: FastAws) -> FastAws:
    """A local AWS that publishes."""
    fast_aws.publish_send_events()
    return fast_aws


def send(aws: FastAws) -> None:
    client = boto3.client(
        "sesv2",
        REGION,
        endpoint_url=aws.endpoint,
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )
    client.send_email(
        FromEmailAddress="x7k2@masks.example",
        Destination={"ToAddresses": ["ann@owner.example"]},
        Content={"Raw": {"Data": b"Subject: Hello\r\n\r\nHello\r\n"}},
        EmailTags=[{"Name": "delivery", "Value": DELIVERY}],
    )


def published(aws: FastAws) -> list[Route]:
    """Receive all events, as the bridge does."""
    answer = aws.sqs.receive_message(QueueUrl=aws.queue_url, MaxNumberOfMessages=10)
    return [route_of(_envelope(aws, one["Body"])) for one in answer.get("Messages", [])]


def confirmed(aws: FastAws) -> list[str]:
    """Receive the events of sends that were just accepted; returns SES's ids."""
    sends = [one for one in published(aws) if isinstance(one, SendConfirmed)]
    assert all(one.delivery == DELIVERY for one in sends)
    assert all(abs(time.time() - (one.at_ms or 0) / 1000) < 60 for one in sends)
    return [one.ses_id for one in sends]


def _envelope(aws: FastAws, body: str) -> Envelope:
    return signature.authenticate(
        body,
        topics=frozenset({TOPIC}),
        versions=frozenset({"2"}),
        certificate_at=lambda url, now: aws.signer.certificate,
        now=datetime.now(UTC),
    )


def test_each_sent_mail_is_confirmed_with_its_id(aws: FastAws) -> None:
    send(aws)
    send(aws)

    ids = [mail.ses_id for mail in aws.sent()]
    assert sorted(confirmed(aws)) == sorted(ids)


@pytest.mark.parametrize("faults", [ServiceFaults(cut=1), ServiceFaults(unconfirmed=1)])
def test_a_mail_whose_sender_got_no_answer_is_confirmed_too(
    aws: FastAws, faults: ServiceFaults
) -> None:
    aws.set_faults(Faults(ses=faults))

    with pytest.raises((BotoCoreError, ClientError)):
        send(aws)

    (mail,) = aws.sent()
    assert confirmed(aws) == [mail.ses_id]


def test_a_mail_that_was_not_accepted_is_not_confirmed(aws: FastAws) -> None:
    aws.set_faults(Faults(ses=ServiceFaults(failed=1)))

    with pytest.raises(ClientError):
        send(aws)

    assert (aws.sent(), published(aws)) == ([], [])


def test_events_can_be_lost_or_late(aws: FastAws) -> None:
    aws.set_faults(Faults(events_lost=1))
    send(aws)
    assert published(aws) == []

    aws.set_faults(Faults(event_delay_ms=300))
    send(aws)
    assert aws.count(aws.queue_url) == 0
    wait_until("the event", lambda: aws.count(aws.queue_url) == 1)


def test_nothing_is_published_unless_asked_for(fast_aws: FastAws) -> None:
    send(fast_aws)

    assert fast_aws.count(fast_aws.queue_url) == 0
    assert fast_aws.environ()["AWS_SES_SEND_EVENTS"] == "false"
