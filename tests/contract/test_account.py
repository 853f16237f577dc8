"""The sending account: read from SES, noted in Redis, and obeyed by the pace of all workers."""

import json
import time
from typing import Any

import pytest
import redis

from emails.edges.account import SesAccount, account_of
from emails.edges.account_notes import RedisAccountNotes
from emails.edges.pace import SharedPace, find_rate
from emails.edges.ports import AccountNotes
from emails.values.account import Account, Sending, Unreadable
from emails.wire import ACCOUNT_KEY
from runtime.aws import make_session
from runtime.redis_client import connect_fail_fast
from tests.contract.conftest import PLAYED_BY_REDIS, an_empty_redis, calling
from tests.environment import NOWHERE
from tests.fakes import FakeAccountNotes
from tools.aws.fast_aws import FastAws
from tools.aws.faults import Faults, Refusal, ServiceFaults
from tools.local.aws import REGION, SimulatedAws
from tools.local.ses_account import HEALTHY

ACCOUNT = Account(14, 50_000, 100, may_send=True, standing="HEALTHY")
NOW = 1_800_000_000.0
MINUTE = int(NOW // 60)


@pytest.fixture(scope="module")
def accounts(aws_threads: dict[str, SimulatedAws]) -> dict[str, SesAccount]:
    """The account, as both servers play it."""
    return {name: SesAccount(make_session(REGION)) for name in aws_threads}


@pytest.mark.parametrize("server", ["moto", "tools.aws"])
def test_a_healthy_account_is_read(
    accounts: dict[str, SesAccount],
    aws_threads: dict[str, SimulatedAws],
    monkeypatch: pytest.MonkeyPatch,
    server: str,
) -> None:
    calling(monkeypatch, aws_threads[server])

    account = accounts[server].fetch()

    assert (account.per_second, account.per_day) == (10_000, 50_000_000)
    assert not account.is_paused
    assert not account.is_under_review


def answer(**changes: Any) -> dict[str, Any]:
    return {**HEALTHY, **changes}


@pytest.mark.parametrize(
    ("given", "is_paused", "is_under_review"),
    [
        ({"EnforcementStatus": "HEALTHY"}, False, False),
        ({"EnforcementStatus": "PROBATION"}, False, True),
        ({"EnforcementStatus": "SHUTDOWN"}, True, False),
        ({"SendingEnabled": False}, True, False),
        ({"EnforcementStatus": "A_NEW_WORD"}, False, False),
    ],
)
def test_what_aws_makes_of_it(
    given: dict[str, Any], is_paused: bool, is_under_review: bool
) -> None:
    account = account_of(answer(**given))

    assert (account.is_paused, account.is_under_review) == (is_paused, is_under_review)


@pytest.mark.parametrize(
    ("most", "sent", "per_day", "used"),
    [(50_000, 45_000, 50_000, 0.9), (-1, 45_000, None, 0.0), (0, 5, 0, 0.0)],
)
def test_how_much_of_the_quota_is_used(
    most: float, sent: float, per_day: float | None, used: float
) -> None:
    quota = {"Max24HourSend": most, "MaxSendRate": 14, "SentLast24Hours": sent}
    account = account_of(answer(SendQuota=quota))

    assert (account.per_day, account.quota_used) == (per_day, used)


@pytest.mark.parametrize("name", ["SendQuota", "SendingEnabled", "EnforcementStatus"])
def test_an_answer_that_lacks_something_is_unreadable(name: str) -> None:
    with pytest.raises(Unreadable):
        account_of({key: value for key, value in HEALTHY.items() if key != name})


def test_a_denied_call_says_so(
    fast_aws: FastAws, accounts: dict[str, SesAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    calling(monkeypatch, fast_aws)
    denied = Refusal(403, "AccessDeniedException", "User: arn:… is not authorized")
    fast_aws.set_faults(Faults(ses=ServiceFaults(refused=denied, only=("GetAccount",))))

    with pytest.raises(Unreadable) as failure:
        accounts["tools.aws"].fetch()

    assert failure.value.code == "AccessDeniedException"


@pytest.fixture(params=["stand-in", *PLAYED_BY_REDIS])
def notes(request: pytest.FixtureRequest) -> AccountNotes:
    """Notes of nothing."""
    if request.param == "stand-in":
        return FakeAccountNotes()
    return RedisAccountNotes(an_empty_redis(request.param, request), clock=lambda: 0.0)


def test_what_is_noted_is_found(notes: AccountNotes) -> None:
    notes.note_account(ACCOUNT, NOW)
    notes.note_judged(Sending(1_000, 40, 1), frozenset({"mask random-1"}), NOW + 1)

    found = notes.find()

    assert (found.account, found.read_at, found.failing) == (ACCOUNT, NOW, "")
    assert (found.sending, found.judged_at) == (Sending(1_000, 40, 1), NOW + 1)
    assert found.held == notes.held() == {"mask random-1"}


def test_a_failure_leaves_what_is_known(notes: AccountNotes) -> None:
    notes.note_account(ACCOUNT, NOW)
    notes.note_failing("AccessDeniedException", NOW + 60)

    found = notes.find()

    assert (found.account, found.read_at) == (ACCOUNT, NOW)
    assert (found.failing, found.failing_since) == ("AccessDeniedException", NOW + 60)

    notes.note_account(ACCOUNT, NOW + 120)
    assert notes.find().failing == ""


def test_since_when_it_is_so(redis_client: redis.Redis) -> None:
    notes = RedisAccountNotes(redis_client)
    review = Account(14, 50_000, 100, may_send=True, standing="PROBATION")

    for at, account in enumerate((ACCOUNT, review, review)):
        notes.note_account(account, NOW + at)
        notes.note_failing("Throttling", NOW + at)
        notes.note_judged(Sending(), frozenset({"mask random-1"}) if at else frozenset(), NOW + at)
    found = notes.find()

    assert (found.standing_since, found.held_since) == (NOW + 1, NOW + 1)


def test_mails_of_24_hours_are_counted_without_canaries(redis_client: redis.Redis) -> None:
    counts: dict[int, Any] = {
        MINUTE: {"forwarded": 5, "replied": 2, "bounced": 1, "blocked": 9},
        MINUTE - 1439: {"forwarded": 10, "canaries": 3, "complained": 2},
        MINUTE - 1440: {"forwarded": 1_000, "bounced": 1_000},
    }
    for minute, counted in counts.items():
        redis_client.hset(f"relay:tally:{minute}", mapping=counted)

    assert RedisAccountNotes(redis_client).count_sending(NOW) == Sending(14, 1, 2)


def test_whose_mail_is_held_is_looked_up_every_few_seconds(redis_client: redis.Redis) -> None:
    now = 0.0
    notes = RedisAccountNotes(redis_client, clock=lambda: now)
    assert notes.held() == frozenset()
    notes.note_judged(Sending(), frozenset({"mask random-1"}), NOW)

    now = 1.9
    assert notes.held() == frozenset()
    now = 2.0
    assert notes.held() == {"mask random-1"}


def test_without_redis_nobody_is_held_and_nothing_fails() -> None:
    assert RedisAccountNotes(connect_fail_fast(f"redis://{NOWHERE}/0")).held() == frozenset()


def test_it_is_forgotten_a_day_after_the_last_note(redis_client: redis.Redis) -> None:
    RedisAccountNotes(redis_client).note_failing("x", NOW)

    assert 86_390 < redis_client.ttl(ACCOUNT_KEY) <= 86_400
    assert redis_client.hget(ACCOUNT_KEY, "failing") == json.dumps(["x", NOW]).encode()


@pytest.mark.parametrize(
    ("of_account", "setting", "rate"),
    [(None, None, None), (14, None, 14), (14, 50, 14), (50, 14, 14), (None, 14, 14), (0.5, 9, 0.5)],
)
def test_the_pace_is_the_accounts_rate_or_less(
    redis_client: redis.Redis, of_account: float | None, setting: int | None, rate: float | None
) -> None:
    if of_account is not None:
        account = Account(of_account, None, 0, may_send=True, standing="HEALTHY")
        RedisAccountNotes(redis_client).note_account(account, NOW)

    assert SharedPace(redis_client, setting).limit() == rate
    assert find_rate(redis_client, setting) == rate


def test_another_rate_is_obeyed_within_a_second_or_two(redis_client: redis.Redis) -> None:
    now = time.time()
    pace = SharedPace(redis_client, None, clock=lambda: now)
    assert pace.limit() is None
    RedisAccountNotes(redis_client).note_account(ACCOUNT, now)

    now += 1

    assert pace.limit() == 14
