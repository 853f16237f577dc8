"""What comes back: an owner's reply, and the bounce of a mail that was forwarded."""

import json
from pathlib import Path

from tests.integration.conftest import MASK, OWNER, Relay, logged, wait_for_log
from tests.waiting import wait_until

SAMPLE = Path(__file__).parents[2] / "golden" / "samples" / "hard_bounce_sns_body.json"
REPLIES = "replies@masks.example"


def test_an_owners_reply_goes_out_from_the_mask_to_whoever_wrote(relay: Relay) -> None:
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()
    relay.wait_for_sent(1)
    relay.wait_for_empty_queue()
    quoted = f"<{relay.aws.sent()[0].ses_id}@email.amazonses.com>"
    reply = (
        f"From: Owner <{OWNER}>\r\nTo: {REPLIES}\r\nSubject: Re: hello from {OWNER}\r\n"
        f"In-Reply-To: {quoted}\r\nReferences: {quoted}\r\n\r\nthanks!\r\n\r\n"
        f"On Monday {OWNER} wrote:\r\n> hi\r\n"
    )

    relay.deliver(reply.encode(), to=(REPLIES,))

    assert wait_for_log(workers, "settled", outcome="replied")["reason"] == "first_reply"
    relay.wait_for_empty_queue()
    answer = next(mail for mail in relay.aws.sent() if mail.recipients == ("ann@sender.example",))
    assert answer.sender == MASK
    assert b"thanks!" in answer.raw
    assert OWNER.encode() not in answer.raw


def test_a_reply_that_nobody_vouches_for_is_not_sent(relay: Relay) -> None:
    """Lesson 18: a forged From must not write as the owner."""
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()
    relay.wait_for_empty_queue()
    quoted = f"<{relay.aws.sent()[0].ses_id}@email.amazonses.com>"
    forged = f"From: <{OWNER}>\r\nTo: {REPLIES}\r\nIn-Reply-To: {quoted}\r\n\r\nforged\r\n"

    relay.deliver(forged.encode(), to=(REPLIES,), dmarc="FAIL", spf="FAIL", dkim="FAIL")

    assert wait_for_log(workers, "settled", outcome="dropped")["reason"] == "unauthenticated"
    relay.wait_for_empty_queue()
    assert {mail.recipients for mail in relay.aws.sent()} == {(OWNER,)}


def test_after_a_hard_bounce_the_owners_mail_is_held(relay: Relay) -> None:
    """SES's own notification, without our tags."""
    bridge = relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    bounce = json.loads(SAMPLE.read_text())["Message"].replace("relayuser@test.com", OWNER)
    bounce = bounce.replace("relay@unfck.email", MASK)

    relay.aws.notify(json.loads(bounce))
    wait_for_log(workers, "settled", reason="hard_bounce")
    relay.deliver()

    wait_for_log(workers, "settled", outcome="held", reason="mailbox")
    relay.wait_for_empty_queue()
    wait_until("both are processed", lambda: len(logged(bridge, "message processed")) == 2)
    assert relay.aws.sent() == []
