"""What nobody is to blame for is put back, uncounted; it fails only if it alone keeps failing."""

from collections.abc import Callable
from typing import cast

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware, TimeLimitExceeded
from redis.exceptions import ConnectionError as RedisAway

from emails import wire
from emails.values.errors import NotFinished, Refused, Unavailable
from relay.worker.middleware import put_back
from relay.worker.middleware.put_back import PutBack
from runtime import breakers as module
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from tests.contract.acknowledgement.conftest import Enqueue
from tests.ledger import Ledger
from tests.waiting import wait_until

SQS_ID = wire.SQS_MESSAGE_ID

UNAVAILABLE = Unavailable("sender_unavailable", Dependency.SES, "AccessDenied")
FOREIGN = Unavailable("foreign_bucket", Dependency.CONFIGURATION, "BUCKET", max_tries=3)


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_back, "_MOST_MS", 2)
    monkeypatch.setattr(module, "_MAX_WAIT_SECONDS", 0.001)


@pytest.fixture
def breakers(broker: RedisBroker) -> Breakers:
    (middleware,) = [one for one in broker.middleware if isinstance(one, PutBack)]
    return middleware._breakers


class Failing:
    """An actor that fails so often."""

    def __init__(self, broker: RedisBroker, error: BaseException, failures: int) -> None:
        self.error, self.failures, self.runs = error, failures, 0
        self.then: Callable[[], None] = lambda: None
        dramatiq.actor(
            actor_name="act", broker=broker, queue_name=wire.INBOUND_QUEUE, throws=Refused
        )(self)

    def __call__(self) -> None:
        self.runs += 1
        if self.runs <= self.failures:
            raise self.error
        self.then()


def succeeded(ledger: Ledger) -> list[tuple[bool, str]]:
    if ledger.acknowledgements.count("mail") == 0:
        return []
    taken = ledger.acknowledgements.take("mail", 10, 0.1)
    return [(one.succeeded, one.reason) for one in taken]


@pytest.mark.parametrize(
    "error", [NotFinished("claimed_elsewhere"), UNAVAILABLE, RedisAway("gone")], ids=repr
)
def test_it_is_put_back_more_often_than_our_own_errors_are_retried(
    broker: RedisBroker,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
    error: Exception,
) -> None:
    actor = Failing(broker, error, failures=4)
    enqueue()

    work()

    assert actor.runs == 5
    assert succeeded(ledger) == [(True, "")]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UNAVAILABLE, "sender_unavailable:AccessDenied"),
        (NotFinished("claimed_elsewhere"), "claimed_elsewhere"),
        (RedisAway("gone"), "unexpected_error:ConnectionError"),
        (KeyError("ann@home.example"), "unexpected_error:KeyError"),
    ],
    ids=repr,
)
def test_what_failed_keeps_why_and_since_when(
    broker: RedisBroker,
    enqueue: Enqueue,
    work: Callable[[], None],
    error: Exception,
    reason: str,
) -> None:
    seen: list[dict[str, object]] = []

    class Look(Middleware):
        def before_enqueue(self, broker: object, message: dramatiq.Message[None], _: int) -> None:
            seen.append(dict(message.options))

    Failing(broker, error, failures=2)
    enqueue()
    broker.add_middleware(Look())

    work()

    failed = [one for one in seen if "last_failure" in one]
    assert {one["last_failure"] for one in failed} == {reason}
    assert len({one["failing_since_ms"] for one in failed}) == 1


def test_being_put_back_uses_up_no_retry(
    broker: RedisBroker, ledger: Ledger, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    actor = Failing(broker, UNAVAILABLE, failures=4)
    enqueue()

    class ThenOurs(Middleware):
        def before_process_message(self, broker: object, message: object) -> None:
            actor.error = UNAVAILABLE if actor.runs < 3 else RuntimeError("ours")

    broker.add_middleware(ThenOurs())

    work()

    assert succeeded(ledger) == [(True, "")], "two retries are allowed, and were left"


def test_a_message_that_alone_keeps_failing_is_at_fault(
    broker: RedisBroker, ledger: Ledger, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    actor = Failing(broker, NotFinished("mail_missing", max_tries=3), failures=99)
    enqueue()

    work()

    assert actor.runs == 3
    assert succeeded(ledger) == [(False, "mail_missing")]


def test_waiting_for_other_reasons_makes_a_message_no_more_suspect(
    broker: RedisBroker, ledger: Ledger, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    """A mail that waited for its Send event was refused at the first sight of a wrong bucket."""
    actor = Failing(broker, NotFinished("send_unconfirmed"), failures=6)
    enqueue()

    class ThenMissing(Middleware):
        def before_process_message(self, broker: object, message: object) -> None:
            if actor.runs == 4:
                actor.error = NotFinished("mail_missing", max_tries=3)

    broker.add_middleware(ThenMissing())

    work()

    assert actor.runs == 7
    assert succeeded(ledger) == [(True, "")]


def test_no_message_is_at_fault_while_the_breaker_is_open(
    broker: RedisBroker,
    breakers: Breakers,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    actor = Failing(broker, FOREIGN, failures=4)
    actor.then = lambda: breakers.worked(Dependency.CONFIGURATION)
    for _ in range(5):
        breakers.failed(Dependency.CONFIGURATION, "BUCKET")
    enqueue()

    work()

    assert actor.runs == 5
    assert succeeded(ledger) == [(True, "")]
    assert breakers.find_open() == {}, "the success closed it"


def test_when_its_lifetime_is_over_it_is_left_to_sqs(
    broker: RedisBroker,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (middleware,) = [one for one in broker.middleware if isinstance(one, PutBack)]
    monkeypatch.setattr(middleware, "_lifetime_ms", 0)
    actor = Failing(broker, UNAVAILABLE, failures=99)
    enqueue()

    work()

    assert actor.runs == 1
    assert succeeded(ledger) == []
    assert broker.client.hlen("relay:inbound.msgs") == 0


def test_the_database_and_the_settings_have_breakers_too(
    broker: RedisBroker, breakers: Breakers, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    error = Unavailable("database_unavailable", Dependency.DATABASE, "57P03")
    Failing(broker, error, failures=4)
    enqueue()

    work()

    assert breakers.find_open() == {}, "four failures, then a success"
    assert breakers._streaks == {}


def test_an_interrupted_attempt_says_nothing_about_the_database(
    broker: RedisBroker, breakers: Breakers, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    """It may be the database that it waited for."""
    breakers.failed(Dependency.DATABASE, "no_answer")
    actor = Failing(broker, TimeLimitExceeded(), failures=1)
    counted: list[Dependency] = []
    actor.then = lambda: counted.extend(breakers._streaks)
    enqueue()

    work()

    assert counted == [Dependency.DATABASE]


class Delays:
    """A broker that only notes the delays with which messages are put back."""

    def __init__(self) -> None:
        self.noted: list[int] = []

    def enqueue(self, message: object, *, delay: int) -> None:
        self.noted.append(delay)


def a_message(**options: object) -> dramatiq.Message[object]:
    return dramatiq.Message(wire.INBOUND_QUEUE, "act", (), {}, dict(options))


def test_the_delay_grows_and_differs_between_messages(
    breakers: Breakers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that messages that failed together don't all come back together."""
    monkeypatch.setattr(put_back, "_MOST_MS", 5_000)
    middleware = PutBack(breakers, 3600, max_retries=1, min_backoff=1, max_backoff=1)

    for tries, most_ms in ((0, 500), (1, 1_000), (3, 4_000), (4, 5_000), (1_000, 5_000)):
        delays = Delays()
        for _ in range(30):
            middleware.after_process_message(
                cast("dramatiq.Broker", delays),
                a_message(put_backs=tries),
                exception=NotFinished("claimed_elsewhere"),
            )
        assert most_ms / 2 <= min(delays.noted) < max(delays.noted) <= most_ms


@pytest.mark.parametrize(("options", "expected"), [({}, {"database"}), ({SQS_ID: "1"}, set())])
def test_what_did_not_come_from_sqs_says_nothing_about_the_database(
    breakers: Breakers, options: dict[str, object], expected: set[str]
) -> None:
    """A periodic job may not have asked it."""
    middleware = PutBack(breakers, 3600, max_retries=1, min_backoff=1, max_backoff=1)
    breakers.failed(Dependency.DATABASE, "no_answer")

    middleware.after_process_message(cast("dramatiq.Broker", Delays()), a_message(**options))

    assert set(breakers._streaks) == expected


def test_a_probe_that_did_not_get_to_ask_is_given_back(breakers: Breakers) -> None:
    for _ in range(5):
        breakers.failed(Dependency.SES, "AccessDenied")
    middleware = PutBack(breakers, 3600, max_retries=1, min_backoff=1, max_backoff=1)
    wait_until("the wait between probes is over", lambda: breakers.take_probe(Dependency.SES))

    middleware.after_process_message(
        cast("dramatiq.Broker", Delays()),
        a_message(probe=True),
        exception=NotFinished("claimed_elsewhere"),
    )

    assert breakers.take_probe(Dependency.SES)
