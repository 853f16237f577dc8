"""A flood to one mask, through real processes: others pass it, and each mail is sent once."""

import threading
from collections import Counter
from collections.abc import Iterator
from signal import SIGKILL

import psycopg
import pytest

from tests.integration.conftest import MAIL, MASK, OWNER, Relay, logged
from tests.sqs_gate import DELETE, SqsGate
from tests.waiting import wait_until

FLOOD, SHARE = 60, 30
OTHER = "innocent@masks.example"

BRIDGE = {
    "PROCESS_EMAIL_VISIBILITY_SECONDS": "4",
    "PROCESS_EMAIL_HEARTBEAT_SECONDS": "1",
}


class DiesBeforeDelete(SqsGate):
    """Lets nothing be deleted, and tells of the first attempt."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.attempted = threading.Event()
        self.holds = True

    def _pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int | None, dict[str, str], bytes]:
        operation = headers.get("X-Amz-Target", "").rpartition(".")[2]
        if operation == DELETE and self.holds:
            self.attempted.set()
            return None, {}, b""
        return super()._pass_on(method, path, headers, body)


@pytest.fixture
def flooded(relay: Relay) -> Iterator[Relay]:
    """A relay with an overflow queue, and a flood before an innocent mail."""
    relay.stack.environ["AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL"] = relay.aws.overflow_queue_url
    if not _is_there(relay.stack.environ["DATABASE_URL"], OTHER):
        relay.stack.add_mask(OWNER, "--address", OTHER.partition("@")[0])
    for number in range(FLOOD):
        relay.deliver(_numbered(number))
    relay.deliver(_numbered(FLOOD), (OTHER,))
    yield relay
    relay.stack.stop()


def _is_there(database_url: str, mask: str) -> bool:
    query = "SELECT FROM emails_randommask WHERE local || '@' || domain = %s"
    with psycopg.connect(database_url) as connection:
        return connection.execute(query, [mask]).fetchone() is not None


def _numbered(number: int) -> bytes:
    own = b"m%d\r\nMessage-ID: <%d@" % (number, number)
    return MAIL.replace(b"swordfish\r\nMessage-ID: <1@", own)


def sent_once(relay: Relay) -> bool:
    """Whether each mail was sent, and none twice."""
    subjects = Counter(
        next(line for line in mail.raw.splitlines() if line.startswith(b"Subject:"))
        for mail in relay.aws.sent()
    )
    assert set(subjects.values()) <= {1}, subjects
    return len(subjects) == FLOOD + 1


def settle(relay: Relay) -> None:
    """Let workers end everything."""
    relay.stack.start_workers()
    wait_until("all sent", lambda: sent_once(relay))
    wait_until("empty queues", lambda: relay.aws.count_left() == 0)
    assert sent_once(relay)


def overflowed(relay: Relay) -> int:
    return relay.aws.count(relay.aws.overflow_queue_url)


def test_what_is_over_the_share_moves_and_the_innocent_mail_is_among_the_first(
    flooded: Relay,
) -> None:
    flooded.stack.start_bridge(**BRIDGE)
    wait_until("all received", lambda: overflowed(flooded) >= FLOOD - SHARE)
    wait_until("the rest in flight", lambda: flooded.redis.zcard("relay:in-flight") >= SHARE + 1)

    settle(flooded)

    senders = [mail.sender for mail in flooded.aws.sent()]
    assert senders.index(OTHER) < SHARE / 2
    assert senders.count(MASK) == FLOOD


def test_a_bridge_that_dies_between_moving_and_deleting_doubles_no_mail(flooded: Relay) -> None:
    gate = DiesBeforeDelete(flooded.aws.endpoint)
    first = flooded.stack.start_bridge(AWS_ENDPOINT_URL_SQS=gate.url, **BRIDGE)
    assert gate.attempted.wait(30)
    first.send_to_group(SIGKILL)
    first.wait(10)
    gate.close()
    assert overflowed(flooded) > 0
    assert flooded.aws.count_left() > FLOOD + 1, "some are in both queues"

    flooded.stack.start_bridge(**BRIDGE)
    settle(flooded)


def test_while_the_overflow_queue_is_away_what_is_over_the_share_waits(flooded: Relay) -> None:
    """Its answers are lost: what it has taken all the same is there twice."""
    gate = SqsGate(flooded.aws.endpoint)
    gate.lost.add("SendMessageBatch")
    bridge = flooded.stack.start_bridge(AWS_ENDPOINT_URL_SQS=gate.url, **BRIDGE)

    wait_until("some wait", lambda: bool(logged(bridge, "overflow queue takes nothing")))
    settle(flooded)
    gate.close()


def test_a_redis_wiped_in_mid_flood_loses_and_doubles_nothing(flooded: Relay) -> None:
    flooded.stack.start_bridge(**BRIDGE)
    wait_until("some moved", lambda: overflowed(flooded) > 0)
    flooded.redis.flushdb()

    settle(flooded)


BOUNCE = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bouncedRecipients": [{"emailAddress": OWNER, "status": "5.7.1", "action": "failed"}],
    },
    "mail": {"source": MASK, "messageId": "0100-1"},
}


def test_while_s3_and_ses_are_away_a_bounce_behind_many_mails_is_settled(flooded: Relay) -> None:
    workers = flooded.stack.start_workers()
    flooded.gate.refuse(500)
    flooded.stack.start_bridge(**BRIDGE)
    wait_until("an open breaker", lambda: bool(logged(workers, "breaker opened")))

    for number in range(FLOOD):
        flooded.deliver(_numbered(number + FLOOD + 1), (OTHER,))
    flooded.aws.notify(BOUNCE, "the-bounce")

    wait_until(
        "the bounce settled",
        lambda: any(line["sns_message_id"] == "the-bounce" for line in logged(workers, "settled")),
        seconds=20,
    )
    assert flooded.aws.sent() == []


def test_a_bounce_behind_a_flood_at_ses_s_limit_is_settled_before_most_of_the_flood(
    flooded: Relay,
) -> None:
    flooded.aws.notify(BOUNCE, "the-bounce")
    workers = flooded.stack.start_workers(AWS_SES_MAX_SEND_RATE="2")

    flooded.stack.start_bridge(**BRIDGE)

    wait_until(
        "the bounce settled",
        lambda: any(line["sns_message_id"] == "the-bounce" for line in logged(workers, "settled")),
    )
    assert len(flooded.aws.sent()) < FLOOD / 2
