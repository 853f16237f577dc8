"""A responder that answers `From` made a hundred rounds in twenty seconds. Lesson 51."""

import itertools

import pytest

from tests.integration.conftest import MASK, OWNER, Relay, wait_for_log
from tools.local.aws import SentMail
from tools.local.logs import lines

MARKS = {
    "by the standard": (
        "Return-Path: <>\r\nAuto-Submitted: auto-replied\r\nFrom: Owner <{owner}>",
        "loop",
    ),
    "by an older header": ("X-Autoreply: yes\r\nFrom: {owner}", "loop"),
    "at another address": (
        "Auto-Submitted: auto-replied\r\nFrom: owner@work.example",
        "suspected_loop",
    ),
    "not at all, but quoting": (
        (
            "Auto-Submitted: auto-generated\r\nFrom: desk@work.example\r\n"
            "In-Reply-To: <{ses_id}@email.amazonses.com>"
        ),
        "loop",
    ),
}


@pytest.mark.parametrize("mark", MARKS)
def test_a_responder_that_answers_from_gets_at_most_two_answers_through(
    relay: Relay, mark: str
) -> None:
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()
    header, reason = MARKS[mark]

    for number in itertools.count(1):
        relay.wait_for_sent(number)
        relay.deliver(answer_to(relay.aws.sent()[number - 1], header, number))
        relay.wait_for_empty_queue()
        if len(relay.aws.sent()) == number:
            break

    assert number <= 3
    assert {mail.recipients for mail in relay.aws.sent()} == {(OWNER,)}
    outcome = {"loop": "dropped", "suspected_loop": "held"}[reason]
    assert wait_for_log(workers, "settled", reason=reason)["outcome"] == outcome
    assert all("owner@" not in str(line) for line in lines(workers.log))


def answer_to(mail: SentMail, header: str, number: int) -> bytes:
    """What the machine sends to the mask for a mail that the owner got."""
    head = header.format(owner=OWNER, ses_id=mail.ses_id)
    return (
        f"{head}\r\nTo: {MASK}\r\nSubject: Away {number}\r\n"
        f"Message-ID: <away{number}@owner.example>\r\n\r\nI am away.\r\n"
    ).encode()
