"""How long what waits takes, and what limits it: known numbers, as a table."""

import dataclasses
from typing import Any

import pytest

from bridge.ports import QueueCounts
from relay.operations.gauges import backlog_gauges
from relay.operations.judgement.backlog import (
    LONGEST_SECONDS,
    WORDS,
    Backlog,
    Part,
    find_backlog,
    rate_of,
)
from relay.operations.judgement.facts import Facts, Fault, Progress, RedisFault
from runtime.breakers import OpenBreaker
from runtime.controls.values import Action, order
from runtime.dependencies import Dependency

MINUTE = 29_000_000
NOW = MINUTE * 60 + 30.0
TEN_A_SECOND = {"forwarded": 500, "blocked": 100}


def progress(*minutes: dict[str, int]) -> Progress:
    return Progress(MINUTE - len(minutes) + 1, minutes)


STEADY = progress(TEN_A_SECOND, TEN_A_SECOND, TEN_A_SECOND, {"forwarded": 300})


def facts(in_sqs: int = 0, in_redis: int = 0, **given: Any) -> Facts:
    known: dict[str, Any] = {
        "queue": QueueCounts(in_sqs, 0, 50),
        "redis_waiting": in_redis,
        "progress": STEADY,
    }
    return Facts(NOW, "redis:6379", "db:5432", **known | given)


def backlog(in_sqs: int = 0, in_redis: int = 0, **given: Any) -> Backlog:
    found = find_backlog(facts(in_sqs, in_redis, **given))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("in_sqs", "in_overflow", "in_redis", "seconds"),
    [
        (0, 0, 0, 0),
        (1_000, 0, 200, 120),
        (100, 400, 100, 60),
        (0, 0, 3, 0.3),
        (10**7, 0, 0, 86_400),
    ],
)
def test_the_last_of_them_waits_for_so_long(
    in_sqs: int, in_overflow: int, in_redis: int, seconds: float
) -> None:
    found = backlog(in_sqs, in_redis, overflow_waiting=in_overflow)

    assert found.waiting == in_sqs + in_overflow + in_redis
    assert found.seconds == seconds


@pytest.mark.parametrize(
    ("minutes", "rate"),
    [
        ([{"forwarded": 60}] * 3 + [{}], 1),
        ([{}, {}, {"forwarded": 600}, {}], 10),
        ([{}, {}, {}, {"forwarded": 300}], 10),
        ([{"forwarded": 6_000}, {}, {}, {}, {}], 0),
        ([{"received": 600, "not_settled": 600}] * 4, 0),
    ],
    ids=["steady", "the best minute", "the present minute", "long ago", "nothing is settled"],
)
def test_the_rate_is_the_best_of_the_last_minutes(
    minutes: list[dict[str, int]], rate: float
) -> None:
    assert rate_of(progress(*minutes), NOW) == rate


def test_the_first_seconds_of_a_minute_tell_no_rate() -> None:
    assert rate_of(progress({}, {"forwarded": 900}), MINUTE * 60 + 9.0) == 0


@pytest.mark.parametrize(
    ("before", "now", "seconds"),
    [
        ((300.0, 1_800), 1_200, 600),
        ((120.0, 1_300), 1_200, 1_440),
        ((300.0, 1_200), 1_200, LONGEST_SECONDS),
        ((300.0, 0), 1_200, LONGEST_SECONDS),
        ((300.0, 1_800), 0, 0),
        (None, 0, 0),
        (None, 1_200, None),
    ],
)
def test_it_clears_as_fast_as_it_shrank(
    before: tuple[float, int] | None, now: int, seconds: float | None
) -> None:
    assert backlog(now, waited_before=before).clears_in == seconds


PAUSE = order(
    Action.PAUSE_SENDING, "", by="ann", why="a move", now_ms=int(NOW - 60) * 1000, seconds=600
)
OPEN = [OpenBreaker(Dependency.S3, "AccessDenied", int(NOW - 90) * 1000)]


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"in_redis": 49, "in_line": 8}, Part.NOTHING),
        ({"in_redis": 600}, Part.WORKERS),
        ({"in_sqs": 9_000, "in_redis": 400}, Part.WORKERS),
        ({"in_sqs": 9_000, "in_redis": 9}, Part.BRIDGES),
        ({"in_redis": 600, "in_line": 1}, Part.SES),
        ({"in_redis": 600, "send_rate": 11.0}, Part.SES),
        ({"in_redis": 600, "send_rate": 14.0}, Part.WORKERS),
        ({"in_sqs": 9_000, "breakers": OPEN, "in_line": 1}, Part.DEPENDENCY),
        ({"in_sqs": 9_000, "database": Fault("x")}, Part.DEPENDENCY),
        ({"in_sqs": 9_000, "redis_memory": 0.91}, Part.REDIS),
        ({"in_sqs": 9_000, "redis": RedisFault("OOM")}, Part.REDIS),
        ({"in_sqs": 9_000, "pause": PAUSE, "breakers": OPEN}, Part.OPERATOR),
    ],
)
def test_which_part_limits(given: dict[str, Any], part: Part) -> None:
    assert backlog(**given).limited_by is part


def test_what_nobody_settles_has_no_time() -> None:
    found = backlog(500, progress=progress({}, {}, {}, {}))

    assert (found.seconds, found.limited_by) == (None, Part.WORKERS)
    assert "backlog_seconds" not in {gauge.name for gauge in backlog_gauges(found)}


@pytest.mark.parametrize("unknown", ["queue", "redis_waiting", "progress"])
def test_what_cannot_be_asked_is_not_guessed(unknown: str) -> None:
    change: dict[str, Any] = {unknown: None}
    assert find_backlog(dataclasses.replace(facts(), **change)) is None
    assert list(backlog_gauges(None)) == []


def test_the_gauges_name_the_one_part_that_limits() -> None:
    found = backlog(1_000, 200, waited_before=(300.0, 1_800))

    gauges = {gauge.label: gauge.value for gauge in backlog_gauges(found)}

    assert gauges.pop("backlog_messages") == 1_200
    assert gauges.pop("backlog_seconds") == 120
    assert gauges.pop("time_to_clear_seconds") == 600
    assert gauges == {f"limited_by:{part}": int(part is Part.WORKERS) for part in Part}


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Backlog(0, 0, 0, Part.NOTHING), "Nothing waits."),
        (
            Backlog(1_200, 120, 600, Part.SES),
            "1,200 mails wait, the last of them for 2 min, gone in 10 min, limited by SES's rate.",
        ),
        (
            Backlog(1_200, None, LONGEST_SECONDS, Part.WORKERS),
            "1,200 mails wait, more come than go, limited by the workers.",
        ),
        (Backlog(3, 0.3, None, Part.NOTHING), "3 mails wait, the last of them for 0 s."),
    ],
)
def test_it_is_said_in_a_sentence(found: Backlog, text: str) -> None:
    assert found.text == text


def test_every_part_has_words() -> None:
    assert WORDS.keys() == set(Part)
