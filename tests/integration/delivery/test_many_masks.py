"""A mail to hundreds of masks, through real processes: in portions, others' mail in between."""

from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from emails.values.errors import PortionDone
from tests.integration.conftest import MAIL, MASK, Relay
from tests.waiting import wait_until
from tools.local.logs import lines
from tools.local.processes import Process

NUMBER = 500
MANY = tuple(f"many{number}@masks.example" for number in range(NUMBER))
OTHERS = 5
PORTION_DONE = PortionDone.__name__

SETTINGS = {
    # At least eight seconds for all, and five for a portion.
    "AWS_SES_MAX_SEND_RATE": "60",
    "PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE": "20",
    "MASK_MAILS_PER_DAY": "1000000",
    "SENDER_MAILS_PER_DAY": "1000000",
    "MASK_BYTES_PER_DAY": "1000000000",
    "SENDER_BYTES_PER_DAY": "1000000000",
}

_ADD_MASKS = """
INSERT INTO emails_randommask (
    profile_id, local, domain, block, label, created_at,
    forwarded, blocked, dropped, replied, trackers_removed
)
SELECT profile_id, 'many' || number, domain, block, '', now(), 0, 0, 0, 0, 0
FROM emails_randommask, generate_series(0, %s) AS number WHERE local || '@' || domain = %s
"""


@pytest.fixture
def crowded(relay: Relay) -> Iterator[Relay]:
    """A relay with as many masks more."""
    database_url = relay.stack.environ["DATABASE_URL"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_ADD_MASKS, [NUMBER - 1, MASK])
        yield relay
        relay.stack.stop()
        connection.execute("TRUNCATE emails_delivery, emails_reply, emails_sendercounter CASCADE")
        connection.execute("DELETE FROM emails_randommask WHERE local LIKE 'many%'")


def test_each_gets_it_once_and_others_mail_is_settled_before_its_last_portion(
    crowded: Relay,
) -> None:
    workers = crowded.stack.start_workers(1, 1, **SETTINGS)
    crowded.stack.start_bridge()
    crowded.deliver(MAIL, MANY)
    crowded.wait_for_sent(1)

    others = {crowded.deliver(MAIL.replace(b"<1@", b"<%d@" % n)) for n in range(2, 2 + OTHERS)}

    wait_until("an empty queue", lambda: crowded.queued() == 0, seconds=150)
    senders = Counter(mail.sender for mail in crowded.aws.sent())
    assert senders == Counter(MANY) + Counter({MASK: OTHERS})
    assert settled_before_the_last_portion(workers) >= others


def portions(workers: Process) -> list[int]:
    """Return where in the log attempts ended after a portion."""
    return [at for at, line in enumerate(lines(workers.log)) if PORTION_DONE in line["message"]]


def settled_before_the_last_portion(workers: Process) -> set[object]:
    """Name the messages, by SQS's id, that were settled before the last portion began."""
    before = list(lines(workers.log))[: portions(workers)[-1]]
    return {line["sqs_message_id"] for line in before if line["message"] == "settled"}
