"""Captures of real notifications go through, once their masks exist."""

import json
from pathlib import Path

import pytest

from tests.integration.conftest import MAIL, OWNER, Relay
from tools.local.aws import BUCKET, TOPIC
from tools.local.signing import notification

SAMPLES = Path(__file__).parents[2] / "golden" / "samples"


def resigned(relay: Relay, name: str) -> str:
    """Sign a capture anew: its addresses were changed, so its own signature does not verify."""
    message = json.loads((SAMPLES / name).read_text())["Message"]
    message = message.replace("test.com", "masks.example").replace("test-bucket", BUCKET)
    return json.dumps(relay.aws.signer.sign(notification(TOPIC, message)))


@pytest.fixture(scope="module")
def masks() -> tuple[str, ...]:
    return ("ebsbdsan7", "sender")


def test_the_received_ones_are_forwarded(relay: Relay, masks: tuple[str, ...]) -> None:
    for local in masks:
        relay.stack.add_mask(OWNER, "--address", local)
    relay.aws.s3.put_object(Bucket=BUCKET, Key="/emails/objectkey123", Body=MAIL)
    relay.aws.put(resigned(relay, "single_recipient_email_sns_body.json"))
    relay.aws.put(resigned(relay, "s3_stored_email_sns_body.json"))

    relay.stack.start_bridge()
    relay.stack.start_workers()

    relay.wait_for_empty_queue()
    sent = {mail.sender: mail for mail in relay.aws.sent()}
    assert set(sent) == {f"{local}@masks.example" for local in masks}
    assert all(mail.recipients == (OWNER,) for mail in sent.values())
    assert relay.aws.stored_mails() == []
