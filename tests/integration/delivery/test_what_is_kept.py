"""What isn't ours, or is no mail, stays in S3 (P6). Lesson 57."""

import os

from tests.integration.conftest import MAIL, MASK, Relay, wait_for_log
from tests.waiting import wait_until
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
    assert set(relay.aws.stored_mails()) == kept
    assert len(relay.aws.sent()) == 1


NO_MAILS: dict[str, tuple[bytes, dict[str, str], str]] = {
    "ciphertext": (os.urandom(400), ENCRYPTED, "mail_encrypted"),
    "also-what-looks-like-a-mail": (MAIL, ENCRYPTED, "mail_encrypted"),
    "nothing": (b"", {}, "not_a_mail"),
    "a-picture": (b"\x89PNG\r\n\x1a\n" + os.urandom(400), {}, "not_a_mail"),
}
"""By their keys: the content, its metadata, and the reason."""


def test_what_is_no_mail_is_a_dead_letter_and_stays(relay: Relay) -> None:
    for key, (content, metadata, _) in NO_MAILS.items():
        relay.aws.s3.put_object(Bucket=BUCKET, Key=key, Body=content, Metadata=metadata)
        relay.aws.notify(received_in_s3(MAIL, [MASK], bucket=BUCKET, key=key), key)
    bridge = relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()

    for key, (_, _, reason) in NO_MAILS.items():
        refused = wait_for_log(workers, "not settled", sns_message_id=key)
        assert (refused["reason"], refused["error_type"]) == (reason, "Refused"), key
        failed = wait_for_log(bridge, "message failed", sns_message_id=key)
        assert (failed["error"], failed["deleted"]) == (reason, False), key
    listed = relay.stack.manage("dead_letters", "list")
    for reason in ("mail_encrypted", "not_a_mail"):
        assert listed.count(f"refused:{reason}") == 2

    relay.wait_for_sent(1)
    wait_until("only these are left", lambda: set(relay.aws.stored_mails()) == NO_MAILS.keys())
    assert len(relay.aws.sent()) == 1
