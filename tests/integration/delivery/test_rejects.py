"""What may not come in has its own outcome and log line, and stops nothing (P4, P5)."""

import json
from collections.abc import Callable

import pytest

from tests.integration.conftest import MAIL, MASK, Relay, logged, wait_for_log
from tests.waiting import wait_until
from tools.local.aws import REGION, TOPIC, LocalAws
from tools.local.ses import received_in_s3
from tools.local.signing import Signer, notification, subscription_confirmation

VALIDATED = "Successfully validated SNS topic for Amazon SES event publishing."


def told() -> str:
    return json.dumps(received_in_s3(MAIL, [MASK], bucket="mails", key="k"))


def signed(aws: LocalAws, message: str, **changed: str) -> str:
    envelope = aws.signer.sign(notification(changed.pop("topic", TOPIC), message))
    return json.dumps(envelope | changed)


REJECTS: dict[str, tuple[str, Callable[[LocalAws], str]]] = {
    "no JSON": ("not_json", lambda aws: "hello"),
    "JSON that is no envelope": ("not_an_envelope", lambda aws: '{"hello": "world"}'),
    "a JSON list": ("not_an_envelope", lambda aws: "[]"),
    "raw message delivery": ("raw_delivery", lambda aws: told()),
    "a changed message": ("bad_signature", lambda aws: signed(aws, told(), Message=told() + " ")),
    "another topic": ("wrong_topic", lambda aws: signed(aws, told(), topic=f"{TOPIC}-2")),
    "a certificate on another host": (
        "wrong_certificate_url",
        lambda aws: signed(aws, told(), SigningCertURL="https://sns.evil.example/a.pem"),
    ),
    "an unknown type": ("unknown_type", lambda aws: signed(aws, told(), Type="Gift")),
    "a confirmation of a subscription": (
        "subscription_confirmation",
        lambda aws: json.dumps(aws.signer.sign(subscription_confirmation(TOPIC))),
    ),
    "text": ("not_a_notification", lambda aws: signed(aws, "hello")),
    "an event that SES has not": (
        "not_a_notification",
        lambda aws: signed(aws, '{"eventType": "Party"}'),
    ),
}


@pytest.mark.parametrize("delete", [False, True], ids=["kept", "deleted"])
def test_each_reject_has_its_reason_and_is_deleted_only_if_the_operator_chose_so(
    relay: Relay, delete: bool
) -> None:
    """Lesson 14, too: the mail behind them is forwarded as if they had not been there."""
    put = {what: relay.aws.put(make(relay.aws)) for what, (_, make) in REJECTS.items()}
    relay.deliver()

    bridge = relay.stack.start_bridge(
        PROCESS_EMAIL_DELETE_FAILED_MESSAGES=str(delete),
        # Long enough that none of the rejects comes back while the test looks.
        PROCESS_EMAIL_VISIBILITY_SECONDS="60",
    )
    relay.stack.start_workers()
    relay.wait_for_sent(1)

    for what, message_id in put.items():
        line = wait_for_log(bridge, "message rejected", sqs_message_id=message_id)
        assert (line["reason"], line["deleted"]) == (REJECTS[what][0], delete), what
    # A mail after them shows that the settings are right, so that the fault is theirs.
    relay.deliver()
    relay.wait_for_sent(2)
    left = 0 if delete else len(REJECTS)
    wait_until("all but the rejects are gone", lambda: relay.queued() == left)
    assert bridge.is_running()


def test_events_that_nobody_needs_are_deleted_without_a_dead_letter_or_an_alarm(
    relay: Relay,
) -> None:
    """SES's greeting to a new event destination was rejected three times, and rang an alarm."""
    relay.aws.put(signed(relay.aws, VALIDATED))
    relay.aws.put(signed(relay.aws, '{"eventType": "Open"}'))
    relay.aws.put(signed(relay.aws, '{"eventType": "Reject", "mail": {"messageId": "0100-1"}}'))

    bridge = relay.stack.start_bridge()

    wait_for_log(bridge, "ses rejected a mail that it had accepted", ses_message_id="0100-1")
    relay.wait_for_empty_queue()

    def unneeded() -> int:
        found = [str(line["unneeded"]) for line in logged(bridge, "cycle") if "unneeded" in line]
        return sum(map(int, found))

    # They are deleted before the cycle's line is written.
    wait_until("the cycles' lines", lambda: unneeded() == 3)
    assert logged(bridge, "message rejected") == []


def test_a_token_is_never_logged(relay: Relay) -> None:
    """Lesson 40."""
    envelope = relay.aws.signer.sign(subscription_confirmation(TOPIC))
    relay.aws.put(json.dumps(envelope))

    bridge = relay.stack.start_bridge()

    wait_for_log(bridge, "message rejected", reason="subscription_confirmation")
    assert envelope["Token"] not in bridge.log.read_text()


def test_a_subscription_is_confirmed_through_the_api_where_the_setting_allows_it(
    relay: Relay,
) -> None:
    relay.aws.put(json.dumps(relay.aws.signer.sign(subscription_confirmation(TOPIC))))

    bridge = relay.stack.start_bridge(AWS_SNS_CONFIRM_SUBSCRIPTIONS="true")

    wait_for_log(bridge, "subscription confirmed")
    relay.wait_for_empty_queue()


def test_a_certificate_that_cant_be_had_now_defers_the_message(relay: Relay) -> None:
    """Lesson 42: it is no bad signature. The message is taken when the certificate is there."""
    other = Signer.generate(REGION)
    relay.aws.s3.put_object(Bucket="mails", Key="k", Body=MAIL)
    message_id = relay.aws.put(json.dumps(other.sign(notification(TOPIC, told()))))
    bridge = relay.stack.start_bridge(PROCESS_EMAIL_DELETE_FAILED_MESSAGES="true")
    relay.stack.start_workers()

    wait_for_log(bridge, "message deferred", sqs_message_id=message_id)

    assert logged(bridge, "message rejected") == []
    assert relay.queued() == 1
