"""What was sent is not sent again, whatever operators requeue (P2)."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dramatiq
import pytest
import redis
from django.core.management import call_command
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries

from bridge.ledger.dead_letters import DeadLetters
from emails import wire
from emails.flow.context import Ports
from emails.flow.handle import handle
from emails.models import Delivery
from emails.values.errors import Refused
from emails.values.notifications import StoredMail, parse
from emails.values.outcomes import RefuseReason
from relay.worker.broker import make_broker
from relay.worker.encoder import Encoder
from relay.worker.middleware.acknowledge import Acknowledge
from relay.worker.middleware.dead_letter_note import DeadLetterNote
from relay.worker.middleware.delivery_limit import DeliveryLimit
from tests.dead_letters import dead
from tests.integration.emails.conftest import RAW, Relay, a_mask, an_owner
from tests.ledger import a_ledger
from tests.unit.emails.builders import BUCKET, NOW, received


@pytest.fixture
def relay(transactional_db: None) -> Relay:
    relay = Relay()
    owner = an_owner()
    a_mask(owner, "one")
    a_mask(an_owner("eve@owner.example"), "two")
    return relay


@pytest.fixture
def broker(redis_url: str, client: redis.Redis, relay: Relay) -> Iterator[RedisBroker]:
    from django_dramatiq.middleware import DbConnectionsMiddleware

    before = dramatiq.get_encoder()
    dramatiq.set_encoder(Encoder())
    ledger = a_ledger(client)
    middleware = [
        DbConnectionsMiddleware(),
        Acknowledge(ledger.acknowledgements),
        DeadLetterNote(client),
        DeliveryLimit(ledger.attempts, 3),
        Retries(max_retries=0),
    ]
    broker = make_broker(redis_url, middleware)
    declare = dramatiq.actor(
        actor_name=wire.ACTOR_NAME,
        queue_name=wire.INBOUND_QUEUE,
        broker=broker,
        throws=(Refused,),
    )
    declare(Actor(relay.ports()))
    yield broker
    dramatiq.set_encoder(before)


class Actor:
    """The actor of `emails.tasks`, with the ports of the test, for what nobody signed."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def __call__(self, *, envelope: str) -> None:
        handle(parse(envelope), "sns-1", ports=self._ports, now=NOW)


@pytest.fixture
def work(broker: RedisBroker) -> Iterator[Callable[[], None]]:
    workers: list[dramatiq.Worker] = []

    def run() -> None:
        workers.append(dramatiq.Worker(broker, worker_timeout=10, worker_threads=1))
        workers[-1].start()
        broker.join(wire.INBOUND_QUEUE, timeout=15_000, interval=10)
        workers[-1].stop()

    yield run
    for worker in workers:
        worker.stop()


def enqueue(broker: RedisBroker, relay: Relay, *to: str) -> None:
    """SES stores a mail and tells of it; the bridge enqueues it."""
    relay.mail_store.mails[StoredMail(BUCKET, "key-1")] = RAW
    broker.enqueue(
        dramatiq.Message(
            queue_name=wire.INBOUND_QUEUE,
            actor_name=wire.ACTOR_NAME,
            args=(),
            kwargs=wire.payload(json.dumps(received(*to, key="key-1"))),
            options={
                wire.SQS_MESSAGE_ID: "sqs-1",
                "sent_at_ms": int(datetime.now(UTC).timestamp() * 1000),
            },
            message_id="sqs-1",
        )
    )


def requeue() -> None:
    call_command("dead_letters", "requeue", "--all", "--yes")


def sent(relay: Relay) -> list[str]:
    return [mail.recipient for mail in relay.mailer.sent]


def test_who_has_the_mail_does_not_get_it_again_and_who_has_not_gets_it(
    broker: RedisBroker,
    relay: Relay,
    store: DeadLetters,
    client: redis.Redis,
    work: Callable[[], None],
) -> None:
    relay.mailer.fails_for["eve@owner.example"] = Refused(RefuseReason.UNUSABLE_ADDRESS)
    enqueue(broker, relay, "one@masks.example", "two@masks.example")
    work()
    assert sent(relay) == ["ann@owner.example"]
    assert len(dead(client)) == 1

    relay.mailer.fails_for.clear()
    requeue()
    work()

    assert sent(relay) == ["ann@owner.example", "eve@owner.example"]
    assert dead(client) == []
    assert relay.mail_store.mails == {}


def test_a_mail_that_was_sent_meanwhile_is_not_sent_by_its_dead_letter(
    broker: RedisBroker,
    relay: Relay,
    store: DeadLetters,
    client: redis.Redis,
    work: Callable[[], None],
) -> None:
    """Another copy came from SNS, as an SQS message of its own, and was carried out."""
    relay.mailer.fails = [Refused(RefuseReason.UNUSABLE_ADDRESS)]
    enqueue(broker, relay, "one@masks.example")
    work()
    assert len(dead(client)) == 1
    relay.arrive("one@masks.example", sns_message_id="sns-1", key="key-1")
    assert sent(relay) == ["ann@owner.example"]

    requeue()
    work()

    assert sent(relay) == ["ann@owner.example"]
    assert dead(client) == []
    assert Delivery.objects.get().state == "finished"
