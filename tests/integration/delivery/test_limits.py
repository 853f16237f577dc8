"""Daily limits on whole processes: several workers, each with several threads."""

import psycopg

from tests.integration.conftest import MAIL, MASK, OWNER, Relay, logged
from tests.waiting import wait_until
from tools.local.processes import Process

REPLIES = "replies@masks.example"
CODE = MAIL.replace(b"swordfish, too", b"your code is 4711").replace(b"x7k2@", b"bank@")


def outcomes(workers: Process, number: int) -> dict[tuple[object, object], int]:
    """Count the outcomes, when there are as many."""
    wait_until("all are settled", lambda: len(logged(workers, "settled")) >= number, seconds=60)
    counted: dict[tuple[object, object], int] = {}
    for line in logged(workers, "settled"):
        key = (line["outcome"], line["reason"])
        counted[key] = counted.get(key, 0) + 1
    return counted


def test_of_25_mails_over_a_limit_of_20_five_are_held_and_the_banks_code_arrives_at_once(
    relay: Relay, migrated: str
) -> None:
    relay.stack.add_mask(OWNER, "--address", "bank")
    for _ in range(25):
        relay.deliver()
    relay.stack.start_bridge()
    workers = relay.stack.start_workers(2, 4, MASK_MAILS_PER_DAY="20")
    counted = outcomes(workers, 25)

    relay.deliver(CODE, to=("bank@masks.example",))
    relay.wait_for_sent(21)

    assert counted == {("forwarded", "existing_mask"): 20, ("held", "mask_limit"): 5}
    assert b"your code is 4711" in relay.aws.sent()[-1].raw
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 21
    with psycopg.connect(migrated) as connection:
        held = connection.execute("SELECT reason, count(*) FROM emails_heldmail GROUP BY 1")
        assert held.fetchall() == [("mask_limit", 5)]
        flagged = connection.execute("SELECT 1 FROM emails_profile WHERE flagged_at IS NOT NULL")
        assert flagged.fetchall() == []


def replies(relay: Relay, number: int) -> None:
    """Forward a mail, then let its owner answer it as often."""
    relay.deliver()
    relay.wait_for_sent(1)
    relay.wait_for_empty_queue()
    quoted = f"<{relay.aws.sent()[0].ses_id}@email.amazonses.com>"
    answer = f"From: <{OWNER}>\r\nTo: {REPLIES}\r\nIn-Reply-To: {quoted}\r\n\r\nthanks!\r\n"
    for _ in range(number):
        relay.deliver(answer.encode(), to=(REPLIES,))


def sent_to(relay: Relay, address: str) -> int:
    return sum(mail.recipients == (address,) for mail in relay.aws.sent())


def test_of_forty_queued_replies_of_a_free_owner_one_goes_out(relay: Relay) -> None:
    relay.stack.start_bridge()
    workers = relay.stack.start_workers(2, 4)

    replies(relay, 40)

    relay.wait_for_empty_queue(seconds=60)
    assert sent_to(relay, "ann@sender.example") == 1
    assert len(logged(workers, "settled", outcome="replied")) == 1
    assert len(logged(workers, "settled", reason="replies_need_premium")) == 39


def test_with_a_limit_of_five_replies_five_go_out_and_mail_still_comes_in(
    relay: Relay, migrated: str
) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE emails_profile SET is_premium = true")
    relay.stack.start_bridge()
    workers = relay.stack.start_workers(2, 4, MAX_REPLIES_PER_DAY="5")

    replies(relay, 20)
    relay.wait_for_empty_queue(seconds=60)
    relay.deliver()
    relay.wait_for_empty_queue()

    assert sent_to(relay, "ann@sender.example") == 5
    assert len(logged(workers, "settled", outcome="replied")) == 5
    assert len(logged(workers, "replies paused", replies=5)) == 1
    notices = len(logged(workers, "settled", reason="notice_sent"))
    assert notices == 1
    assert sent_to(relay, OWNER) == 2 + notices
    assert MASK not in workers.log.read_text()
