"""What isn't ours, or is no mail, stays in S3 (P6). Lesson 57."""

import os

import pytest

from tests.integration.conftest import MAIL, MASK, Relay, wait_for_log
from tools.local.aws import BUCKET
from tools.local.ses import received_in_s3

ENCRYPTED = {
    "x-amz-key-v2": "AQ==",
    "x-amz-iv": "AAAA",
    "x-amz-cek-alg": "AES/GCM/NoPadding",
    "x-amz-wrap-alg": "kms",
    "x-amz-matdesc": "{}",
}


def test_mails_to_others_stay_in_a_shared_bucket(relay: Relay) -> None:
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver(to=("ceo@company.example",))
    kept = set(relay.aws.stored_mails())

    relay.deliver()

    relay.wait_for_empty_queue()
    assert wait_for_log(workers, "settled", reason="not_ours")["outcome"] == "ignored"
    relay.stack.delete_discarded_mails()
    wait_for_log(workers, "cleaned up", what="mails", count=1)
    assert set(relay.aws.stored_mails()) == kept
    assert len(relay.aws.sent()) == 1


@pytest.mark.parametrize(
    ("content", "metadata", "reason"),
    [
        (os.urandom(400), ENCRYPTED, "mail_encrypted"),
        (MAIL, ENCRYPTED, "mail_encrypted"),
        (b"", {}, "not_a_mail"),
        (b"\x89PNG\r\n\x1a\n" + os.urandom(400), {}, "not_a_mail"),
    ],
    ids=["ciphertext", "also what looks like a mail", "nothing", "a picture"],
)
def test_what_is_no_mail_is_a_dead_letter_and_stays(
    relay: Relay, content: bytes, metadata: dict[str, str], reason: str
) -> None:
    relay.aws.s3.put_object(Bucket=BUCKET, Key="no-mail", Body=content, Metadata=metadata)
    relay.aws.notify(received_in_s3(MAIL, [MASK], bucket=BUCKET, key="no-mail"))
    bridge = relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()

    assert wait_for_log(workers, "not settled", reason=reason)["error_type"] == "Refused"
    assert wait_for_log(bridge, "message failed", error=reason)["deleted"] is False
    assert f"refused:{reason}" in relay.stack.manage("dead_letters", "list")

    relay.wait_for_sent(1)
    relay.stack.delete_discarded_mails()
    wait_for_log(workers, "cleaned up", what="mails")
    assert relay.aws.stored_mails() == ["no-mail"]
    assert len(relay.aws.sent()) == 1
