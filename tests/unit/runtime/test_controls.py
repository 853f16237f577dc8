"""Controls: who may make one, how long it is in force, and what a process knows of it."""

import json
import logging
from dataclasses import asdict

import fakeredis
import pytest
from redis.exceptions import ConnectionError as RedisAway

from runtime.controls.store import KEY, MAX_ACTIVE, ControlStore
from runtime.controls.values import Action, Control, NotAllowed, order
from runtime.controls.watch import ControlWatch
from runtime.seals import Seals

NOW_MS = 1_700_000_000_000
HOUR = 3600.0
SECRETS = ("the secret of these tests",)


class World:
    """Redis, an operator's store, and a process that watches. `seconds` is everybody's clock."""

    def __init__(self) -> None:
        self.seconds = NOW_MS / 1000
        self.redis = fakeredis.FakeRedis()
        self.store = ControlStore(self.redis, Seals(SECRETS))
        self.watch = ControlWatch(self.store, clock=self.time, monotonic=self.time)

    def time(self) -> float:
        return self.seconds

    def order(self, action: Action, target: str = "", seconds: float = HOUR) -> Control:
        made = an_order(action, target, seconds=seconds)
        self.store.add(made)
        return made

    def after(self, seconds: float) -> list[Control]:
        self.seconds += seconds
        return self.watch.find_active()


@pytest.fixture
def world() -> World:
    return World()


def an_order(action: Action, target: str = "", *, seconds: float = HOUR) -> Control:
    return order(action, target, by="ann", why="a drill", now_ms=NOW_MS, seconds=seconds)


@pytest.mark.parametrize(
    ("action", "target"),
    [
        (Action.PAUSE_RECEIVING, ""),
        (Action.PAUSE_SENDING, ""),
        (Action.FREEZE_MASK, "random-12"),
        (Action.FREEZE_MASK, "domain-3"),
        (Action.FREEZE_OWNER, "7"),
        (Action.FREEZE_DOMAIN, "news.shop.example"),
        (Action.FREEZE_REASON, "new_mask"),
    ],
)
def test_a_control_is_known_within_a_second(world: World, action: Action, target: str) -> None:
    assert world.watch.find_active() == []
    made = world.order(action, target)
    assert world.after(1) == [made]


def test_a_control_ends_by_itself(world: World) -> None:
    world.order(Action.PAUSE_SENDING, seconds=60)
    assert world.after(59.9)
    assert not world.after(0.1)


def test_a_control_is_ended_by_an_operator(world: World) -> None:
    made = world.order(Action.PAUSE_SENDING)
    assert world.after(1)
    ended = world.store.end(made.id, by="bob", now_ms=NOW_MS + 2000)
    assert ended
    assert (ended.ended_by, ended.ended_ms) == ("bob", NOW_MS + 2000)
    assert not world.after(1)
    assert world.store.end(made.id, by="bob", now_ms=NOW_MS + 3000) is None


@pytest.mark.parametrize(
    ("action", "target", "seconds", "said"),
    [
        (Action.PAUSE_SENDING, "", 0, "must end after 72 hours at most, and not at once"),
        (Action.PAUSE_SENDING, "", 73 * HOUR, "must end after 72 hours"),
        (Action.FREEZE_OWNER, "7", 337 * HOUR, "must end after 336 hours"),
        (Action.PAUSE_RECEIVING, "7", HOUR, "pause-receiving has no target, but got '7'"),
        (Action.FREEZE_MASK, "12", HOUR, "a mask's id, such as random-12, but got '12'"),
        (Action.FREEZE_OWNER, "ann@home.example", HOUR, "the id of an owner's profile"),
        (Action.FREEZE_DOMAIN, "bob@shop.example", HOUR, "such as example.com"),
        (Action.FREEZE_DOMAIN, "localhost", HOUR, "such as example.com"),
    ],
)
def test_what_can_t_be_ordered_is_refused_with_what_can(
    action: Action, target: str, seconds: float, said: str
) -> None:
    with pytest.raises(NotAllowed, match=said):
        an_order(action, target, seconds=seconds)


@pytest.mark.parametrize(("by", "why"), [("", "a drill"), ("ann", " "), ("ann", "two\nlines")])
def test_who_and_why_must_be_said(by: str, why: str) -> None:
    with pytest.raises(NotAllowed, match="say w"):
        order(Action.PAUSE_SENDING, "", by=by, why=why, now_ms=NOW_MS, seconds=HOUR)


def test_who_merely_writes_to_redis_can_make_no_control(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    by_another = ControlStore(world.redis, Seals(("another secret",)))
    by_another.add(an_order(Action.PAUSE_RECEIVING))
    forged = an_order(Action.PAUSE_SENDING)
    world.redis.hset(KEY, forged.id, json.dumps(asdict(forged)))
    assert world.after(1) == []
    world.after(1)
    reported = [one for one in caplog.records if one.message == "forged entry in redis"]
    assert len(reported) == 2, "each once, not each second"


def test_an_entry_can_t_be_put_in_another_s_place(world: World) -> None:
    made = world.order(Action.FREEZE_OWNER, "7", seconds=60)
    sealed = world.redis.hget(KEY, made.id)
    assert sealed is not None
    world.redis.hset(KEY, "000000000000", sealed)
    assert world.after(1) == [made]


def test_nobody_reads_in_redis_who_ordered_what(world: World) -> None:
    world.order(Action.FREEZE_DOMAIN, "shop.example")
    stored = str(world.redis.hgetall(KEY))
    assert "shop.example" not in stored
    assert "ann" not in stored


def test_a_wiped_redis_means_no_controls_and_that_is_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.order(Action.PAUSE_SENDING)
    assert world.after(1)
    world.redis.flushall()
    assert world.after(1) == []
    (said,) = (one for one in caplog.records if one.message == "control lost")
    assert said.levelno == logging.ERROR
    assert world.store.find_lost() == (1, NOW_MS + 2000)


def test_an_ended_control_is_not_lost_when_redis_is_wiped(world: World) -> None:
    world.order(Action.PAUSE_SENDING, seconds=1)
    world.after(1)
    world.redis.flushall()
    world.after(1)
    assert world.store.find_lost() is None


def test_while_redis_is_away_what_is_known_stays_in_force(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.order(Action.PAUSE_SENDING, seconds=60)
    assert world.after(1)

    def away(*_: object) -> None:
        raise RedisAway

    monkeypatch.setattr(world.redis, "hgetall", away)
    assert world.after(30)
    assert not world.after(30), "its end is not Redis's to tell"


def test_a_process_that_could_never_read_knows_that_it_knows_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise RedisAway

    with monkeypatch.context() as patched:
        patched.setattr(world.redis, "hgetall", away)
        assert not world.watch.are_known()
    world.seconds += 1
    assert world.watch.are_known()


def test_there_may_be_only_so_many_in_force(world: World) -> None:
    for number in range(1, MAX_ACTIVE + 1):
        world.order(Action.FREEZE_OWNER, str(number))
    with pytest.raises(NotAllowed, match="100 controls are in force"):
        world.order(Action.FREEZE_OWNER, "7777")


def test_those_that_ended_a_day_ago_are_forgotten(world: World) -> None:
    old = an_order(Action.PAUSE_SENDING, seconds=60)
    world.store.add(old)
    day_later = NOW_MS + 25 * 3600 * 1000
    new = order(Action.PAUSE_SENDING, "", by="ann", why="again", now_ms=day_later, seconds=60)
    world.store.add(new)
    assert world.store.find_all() == [new]
