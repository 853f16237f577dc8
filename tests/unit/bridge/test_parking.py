"""Messages that can't be judged now: parked, kept hidden, judged again, released."""

import json
from collections.abc import Sequence

import fakeredis
import pytest
import redis

from bridge.breakers import BLAMES, CERTIFICATE_MISSING, OwnBreakers
from bridge.dispositions import Disposition
from bridge.messages import Handle
from bridge.parking import MANY_SUSPECTS, MOST_PARKED, MOST_SUSPECTS, SUSPECT_SECONDS, Parking
from bridge.poller import Poller
from bridge.ports import EntryFailed, QueueUnavailable
from bridge.sns.certificates import CertificateUnavailable, HostUnavailable
from bridge.sns.envelope import Envelope
from bridge.sns.reject_reasons import RejectReason
from runtime.breakers import find_all_open
from runtime.dependencies import Dependency
from tests.fake_queue import FakeQueue
from tests.ledger import Ledger, a_ledger
from tests.unit.bridge.envelopes import TOPIC, a_notification, authenticate
from tests.unit.bridge.pollers import a_poller

GENUINE = json.dumps(a_notification())
WRONG_TOPIC = json.dumps(a_notification() | {"TopicArn": f"{TOPIC}2"})
UNKNOWN = json.dumps(a_notification() | {"SigningCertURL": "https://invented"})
VISIBILITY_SECONDS = 30


class QueueThatGoesAway(FakeQueue):
    """`is_away` makes all changes of visibility fail."""

    is_away = False

    def change_visibility(self, handles: Sequence[Handle], seconds: int) -> list[EntryFailed]:
        if self.is_away:
            raise QueueUnavailable("ReadTimeoutError")
        return super().change_visibility(handles, seconds)


class World:
    """A bridge's poller on fakes; the certificate host is up or down."""

    def __init__(self, places: int = MOST_PARKED, *, delete_failed_messages: bool = False) -> None:
        self.now = 1_000.0
        self.is_host_up = True
        self.fetches = 0
        self.queue = QueueThatGoesAway(visibility_seconds=VISIBILITY_SECONDS)
        self.redis = fakeredis.FakeRedis()
        self.ledger: Ledger = a_ledger(self.redis)
        self.parking = Parking(
            self.queue,
            visibility_seconds=VISIBILITY_SECONDS,
            places=places,
            monotonic=self.time,
        )
        self.breakers = OwnBreakers(self.redis, "b1", monotonic=self.time)
        self.poller: Poller = a_poller(
            self.queue,
            self.ledger,
            authenticate=self.authenticate,
            parking=self.parking,
            breakers=self.breakers,
            delete_failed_messages=delete_failed_messages,
        )

    def time(self) -> float:
        return self.now

    def authenticate(self, body: str) -> Envelope:
        if "https://invented" in body:
            raise CertificateUnavailable("answered 404", code="404", may_be_forged=True)
        if TOPIC + '2"' not in body:
            self.fetches += 1
            if not self.is_host_up:
                raise HostUnavailable("sns…: TimeoutError", code="TimeoutError")
        return authenticate(body)

    def pass_time(self, seconds: float) -> None:
        """Let time pass as a running bridge does: with a heartbeat every ten seconds."""
        while seconds > 0:
            step = min(seconds, 10)
            seconds -= step
            self.now += step
            self.queue.pass_time(step)
            self.parking.keep_hidden()
            self.poller.judge_parked()

    def deliver(self, number: int, body: str = GENUINE) -> None:
        """Let messages arrive and be received, ten at a time."""
        for _ in range(number):
            self.queue.put(body)
        for _ in range((number + 9) // 10):
            self.poller.cycle(min(10, number))

    def receive_counts(self) -> set[int]:
        return {stored.message.receive_count for stored in self.queue._stored.values()}

    def open(self) -> dict[str, str]:
        return {one.dependency: one.code for one in find_all_open(self.redis)}


@pytest.fixture
def world() -> World:
    return World()


# --- parked --------------------------------------------------------------------------------------


def test_while_the_host_is_down_messages_are_kept_hidden_and_received_once(world: World) -> None:
    world.is_host_up = False
    world.deliver(30)

    world.pass_time(3600)

    assert (world.queue.count().visible, world.receive_counts()) == (0, {1})
    assert world.open() == {"certificates": "TimeoutError"}


def test_when_the_host_is_back_all_are_dispatched_without_being_received_again(
    world: World,
) -> None:
    world.is_host_up = False
    world.deliver(30)
    world.pass_time(60)
    world.is_host_up = True

    world.pass_time(2)

    assert world.ledger.in_flight.count(0) == 30
    assert (len(world.parking), world.receive_counts(), world.open()) == (0, {1}, {})


def test_parked_messages_are_judged_every_two_seconds(world: World) -> None:
    world.is_host_up = False
    world.deliver(1)
    world.fetches = 0

    for _ in range(20):
        world.now += 0.5
        world.poller.judge_parked()

    assert world.fetches == 5


def test_only_as_many_are_parked_as_there_are_places() -> None:
    world = World(places=15)
    world.is_host_up = False

    world.deliver(20)

    assert (len(world.parking), world.parking.free) == (15, 0)
    world.pass_time(VISIBILITY_SECONDS)
    assert world.queue.count().visible == 5


def test_never_more_than_a_hundred_are_parked() -> None:
    assert Parking(FakeQueue(), visibility_seconds=30, places=100_000).free == 100


def test_messages_for_which_there_is_no_room_in_flight_stay_parked() -> None:
    world = World()
    world.is_host_up = False
    world.deliver(30)
    reserve = world.ledger.reservations.reserve
    reserve(90, bridge="b2", at_most=100, now_ms=10**15, seconds=60)
    world.is_host_up = True

    world.pass_time(2)

    assert (world.ledger.in_flight.count(0), len(world.parking)) == (10, 20)


def test_what_is_parked_is_released_at_the_stop(world: World) -> None:
    world.is_host_up = False
    world.deliver(30)

    world.parking.release_all()

    assert (world.queue.count().visible, len(world.parking)) == (30, 0)


def test_a_release_that_fails_raises_nothing(world: World) -> None:
    world.is_host_up = False
    world.deliver(1)
    world.queue.is_away = True

    world.parking.release_all()

    assert len(world.parking) == 0


def test_what_sqs_would_show_soon_anyway_is_released_and_received_again(world: World) -> None:
    """It hides nothing for longer than twelve hours."""
    world.is_host_up = False
    world.deliver(1)

    world.pass_time(11 * 3600)

    assert (world.queue.count().visible, len(world.parking)) == (1, 0)


def test_what_became_visible_is_not_parked_any_more(world: World) -> None:
    """Another bridge has it, or will have it."""
    world.is_host_up = False
    world.deliver(1)
    world.queue.pass_time(VISIBILITY_SECONDS)

    world.parking.keep_hidden()

    assert len(world.parking) == 0


def test_what_is_received_again_is_parked_once_with_its_newer_handle(world: World) -> None:
    world.is_host_up = False
    world.deliver(1)
    world.queue.pass_time(VISIBILITY_SECONDS)
    world.poller.cycle(10)

    world.parking.keep_hidden()
    world.queue.pass_time(VISIBILITY_SECONDS - 1)

    assert (world.queue.count().visible, len(world.parking)) == (0, 1)


# --- suspects ------------------------------------------------------------------------------------

SUSPECTS = [
    (WRONG_TOPIC, {"configuration": "AWS_SNS_TOPIC"}),
    (UNKNOWN, {"certificates": "certificate_missing"}),
]


@pytest.mark.parametrize(("body", "opens"), SUSPECTS, ids=["topic", "certificate"])
@pytest.mark.parametrize(
    ("number", "seconds", "is_open"),
    [
        (1, 3600, False),
        (MANY_SUSPECTS - 1, 3600, False),
        (MANY_SUSPECTS, SUSPECT_SECONDS - 1, False),
        (MANY_SUSPECTS, SUSPECT_SECONDS, True),
    ],
)
def test_many_that_fail_alike_for_a_while_show_that_the_fault_is_ours(
    world: World, body: str, opens: dict[str, str], number: int, seconds: float, is_open: bool
) -> None:
    world.deliver(number, body)

    world.pass_time(seconds)

    assert world.open() == (opens if is_open else {})


@pytest.mark.parametrize("body", [WRONG_TOPIC, UNKNOWN], ids=["topic", "certificate"])
def test_if_a_good_message_passes_among_them_the_fault_is_theirs(world: World, body: str) -> None:
    world.deliver(MANY_SUSPECTS - 1, body)
    world.deliver(1, GENUINE)
    world.deliver(MANY_SUSPECTS - 1, body)

    world.pass_time(60)

    assert world.open() == {}
    assert world.queue.count().not_visible == 0


def test_one_message_that_is_received_many_times_shows_nothing(world: World) -> None:
    world.queue.put(WRONG_TOPIC)
    for _ in range(MANY_SUSPECTS):
        world.poller.cycle(1)
        world.queue.pass_time(VISIBILITY_SECONDS)
        world.now += VISIBILITY_SECONDS
        world.poller.judge_parked()

    assert world.open() == {}


def test_while_the_fault_is_ours_suspects_are_kept_hidden(world: World) -> None:
    world.deliver(MANY_SUSPECTS + 5, WRONG_TOPIC)

    world.pass_time(3600)

    assert (world.queue.count().visible, world.receive_counts()) == (0, {1})


@pytest.mark.parametrize("deletes", [False, True])
def test_a_good_message_closes_the_breaker_and_releases_the_suspects(deletes: bool) -> None:
    """None is deleted, although operators may have chosen so: the fault was not theirs."""
    world = World(delete_failed_messages=deletes)
    world.deliver(MANY_SUSPECTS, WRONG_TOPIC)
    world.pass_time(60)
    assert world.open()

    world.deliver(1, GENUINE)

    assert world.open() == {}
    assert world.queue.count().visible == MANY_SUSPECTS


@pytest.mark.parametrize(
    ("body", "left"), [(WRONG_TOPIC, 0), (UNKNOWN, 1)], ids=["topic", "certificate"]
)
def test_a_suspect_is_deleted_only_when_a_good_message_has_passed(body: str, left: int) -> None:
    world = World(delete_failed_messages=True)
    world.deliver(1, body)
    assert world.queue.count().not_visible == 1

    world.deliver(1, GENUINE)

    assert world.queue.count().not_visible == left + 1


def test_suspects_are_released_at_the_stop(world: World) -> None:
    world.deliver(MANY_SUSPECTS, WRONG_TOPIC)
    world.pass_time(60)

    world.parking.release_all()

    assert world.queue.count().visible == MANY_SUSPECTS


def test_few_handles_are_kept_and_those_of_the_newest(world: World) -> None:
    blame = BLAMES[RejectReason.RAW_DELIVERY]
    for number in range(MOST_SUSPECTS + 1):
        world.parking.suspect(Handle(f"m{number}", "h"), blame)

    kept = world.parking.clear_suspects()[blame]

    assert (len(kept), kept[0].message_id) == (MOST_SUSPECTS, "m1")


# --- breakers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ([0, 0, 0, 0], False),
        ([0, 0, 0, 0, 0], True),
        ([0, 2, 4], False),
        ([0, 2, 5], True),
        ([0, 60], False),
    ],
)
def test_certificates_opens_after_failures_in_a_row(
    world: World, at: list[float], is_open: bool
) -> None:
    for seconds in at:
        world.now = 1_000 + seconds
        world.breakers.failed("TimeoutError")

    assert (Dependency.CERTIFICATES in world.breakers.find_open()) is is_open


def test_each_message_that_passes_starts_the_count_anew(world: World) -> None:
    for _ in range(4):
        world.breakers.failed("TimeoutError")
    world.breakers.worked()
    world.breakers.failed("TimeoutError")

    assert world.breakers.find_open() == {}


def test_operators_see_the_breakers_of_all_bridges_each_dependency_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    other = OwnBreakers(world.redis, "b2")
    with caplog.at_level("WARNING"):
        for one in (world.breakers, other):
            one.open(CERTIFICATE_MISSING)
            one.open(CERTIFICATE_MISSING)
        world.breakers.worked()
        assert world.open() == {"certificates": "certificate_missing"}
        other.worked()

    assert world.open() == {}
    assert caplog.messages == ["breaker opened"] * 2 + ["breaker closed"] * 2
    assert world.redis.exists("relay:breaker-just-closed")


def test_the_breakers_of_a_bridge_that_was_killed_are_forgotten(world: World) -> None:
    world.breakers.open(CERTIFICATE_MISSING)
    (found,) = find_all_open(world.redis)

    assert find_all_open(world.redis, found.since_ms + 59_000) == [found]
    assert find_all_open(world.redis, found.since_ms + 61_000) == []
    assert 0 < world.redis.ttl("relay:breakers:bridge") <= 60


def test_a_wiped_redis_learns_of_it_again(world: World) -> None:
    world.breakers.open(CERTIFICATE_MISSING)
    world.redis.flushdb()

    world.now += 5
    world.breakers.report()

    assert world.open()


def test_a_bridge_that_stops_publishes_nothing_more(world: World) -> None:
    world.breakers.open(CERTIFICATE_MISSING)

    world.breakers.leave()

    assert world.open() == {}


def test_without_redis_a_bridge_goes_by_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError

    for name in ("hset", "hdel", "expire", "set"):
        monkeypatch.setattr(world.redis, name, away)

    world.breakers.open(CERTIFICATE_MISSING)
    assert world.breakers.find_open()
    world.breakers.worked()
    assert world.breakers.find_open() == {}


def test_what_is_parked_is_counted(world: World) -> None:
    world.is_host_up = False
    world.queue.put(GENUINE)

    cycle = world.poller.cycle(10)

    assert cycle.dispositions == {Disposition.PARKED: 1}
    assert cycle.failed == 0
