"""What stops mail, by age and progress: the table of causes, as a table."""

import itertools
from typing import Any

import pytest

from bridge.ledger.heartbeats import Heartbeat, Process, Role
from bridge.ports import QueueCounts
from emails.values.account import Account, AccountState, Sending
from relay.operations.dashboard.runbook import PAGES, rendered
from relay.operations.history import Sample
from relay.operations.judgement.arrival_rules import silence_limit
from relay.operations.judgement.causes import ADVICE, Cause, Level, follows_from
from relay.operations.judgement.facts import Facts, Failing, Fault, Progress, RedisFault
from relay.operations.judgement.read import where
from relay.operations.judgement.silence import find_outages, longest_silence
from relay.operations.judgement.verdict import judge
from runtime.breakers import OpenBreaker
from runtime.controls.values import Action, order
from runtime.dependencies import Dependency

MINUTE = 29_000_000
NOW = MINUTE * 60 + 30.0
WELL = {"received": 9, "arrived": 9, "forwarded": 9}


def beat(role: Role, age: float = 1) -> Heartbeat:
    return Heartbeat(Process(role, 20, host="h", pid=7, started=NOW - 9_000), age, {})


ALIVE = [beat(role) for role in Role]


def minutes(*last: dict[str, int], usual: dict[str, int] = WELL) -> Progress:
    """An hour's counts, of which the last minutes are these."""
    return Progress(MINUTE - 59, [usual] * (60 - len(last)) + list(last))


def facts(**given: Any) -> Facts:
    known: dict[str, Any] = {
        "heartbeats": ALIVE,
        "progress": minutes(),
        "queue": QueueCounts(0, 0, 0),
        "usual_silence": 60.0,
        "gauges_age": 20.0,
    }
    return Facts(NOW, "redis:6379", "db:5432", **known | given)


def opened(dependency: Dependency, code: str) -> list[OpenBreaker]:
    return [OpenBreaker(dependency, code, int(NOW - 90) * 1000)]


def settings(code: str) -> list[OpenBreaker]:
    return opened(Dependency.CONFIGURATION, code)


def without(role: Role, *more: Heartbeat) -> list[Heartbeat]:
    return [one for one in ALIVE if one.process.role is not role] + list(more)


FAILING = {"not_settled": 9, "forwarded": 5, "received": 9, "arrived": 9}
LOCKED = {"not_settled": 9, "not_settled:database_busy": 9, "received": 9, "arrived": 9}
DYING = {"failed": 2, "forwarded": 9, "arrived": 9}
LARGE = {"not_settled": 50, "not_settled:large_mail": 50, "arrived": 50}
PACED = {"paced": 50, "forwarded": 60, "received": 60, "arrived": 60}
NOTHING: dict[str, int] = {}

PAUSE = order(
    Action.PAUSE_RECEIVING, "", by="ann", why="a move", now_ms=int(NOW - 60) * 1000, seconds=600
)
STILL = minutes(NOTHING, NOTHING, NOTHING, NOTHING)

RAW = {"rejected": 9, "rejected:raw_delivery": 9, "received": 9, "arrived": 9}


def account(read_at: float = NOW - 30, **given: Any) -> dict[str, Any]:
    as_usual: dict[str, Any] = {"per_second": 14, "per_day": 50_000, "sent_today": 100}
    read = Account(**as_usual | {"may_send": True, "standing": "HEALTHY"} | given)
    return {"account": AccountState(read, read_at, NOW - 90)}


def judged(sending: Sending, *held: str, at: float = NOW - 30) -> dict[str, Any]:
    since = NOW - 90 if held else None
    state = AccountState(sending=sending, judged_at=at, held=frozenset(held), held_since=since)
    return {"account": state}


def unreadable(code: str, seconds: float) -> dict[str, Any]:
    return {"account": AccountState(failing=code, failing_since=NOW - seconds)}


STALLS: list[tuple[str, dict[str, Any], str]] = [
    ("no certificates", {"breakers": opened(Dependency.CERTIFICATES, "x")}, "certificates_away"),
    (
        "no certificate yet",
        {"progress": minutes(*[{"postponed": 4, "received": 4, "arrived": 4}] * 3)},
        "certificates_away",
    ),
    ("redis full", {"redis": RedisFault("OOM", kind=Failing.FULL)}, "redis_full"),
    ("redis nearly full", {"redis_memory": 0.95}, "redis_full"),
    ("redis fills up", {"redis_memory": 0.8}, "redis_nearly_full"),
    ("redis read-only", {"redis": RedisFault("x", kind=Failing.READ_ONLY)}, "redis_read_only"),
    ("redis away", {"redis": RedisFault("x"), "heartbeats": None, "progress": None}, "redis_away"),
    ("redis' password", {"redis": RedisFault("x", kind=Failing.REFUSES)}, "redis_refuses"),
    ("ses paused", {"breakers": opened(Dependency.SES, "SendingPausedException")}, "ses_paused"),
    ("ses permission", {"breakers": opened(Dependency.SES, "AccessDeniedException")}, "ses_denied"),
    ("ses away", {"breakers": opened(Dependency.SES, "ServiceUnavailable")}, "ses_fails"),
    ("s3 permission", {"breakers": opened(Dependency.S3, "AccessDenied")}, "s3_denied"),
    ("the bucket's key", {"breakers": opened(Dependency.S3, "KMS.DisabledException")}, "s3_denied"),
    ("s3 away", {"breakers": opened(Dependency.S3, "NoSuchBucket")}, "s3_fails"),
    ("database locked", {"progress": minutes(LOCKED, LOCKED)}, "database_locked"),
    ("database away", {"database": Fault("Connection refused")}, "database_away"),
    ("database's breaker", {"breakers": opened(Dependency.DATABASE, "08006")}, "database_away"),
    ("unmigrated", {"unmigrated": ("emails.0042_x",)}, "database_unmigrated"),
    ("an order", {"pause": PAUSE, "queue": QueueCounts(5, 0, 0), "progress": STILL}, "paused"),
    ("raw delivery", {"breakers": settings("raw_delivery")}, "raw_delivery"),
    ("raw delivery, no breaker yet", {"progress": minutes(*[RAW] * 3)}, "raw_delivery"),
    ("wrong topic", {"breakers": settings("AWS_SNS_TOPIC")}, "configuration"),
    ("sqs away", {"queue": None, "queue_fault": Fault("AccessDenied")}, "sqs_away"),
    ("no bridge", {"heartbeats": without(Role.BRIDGE)}, "no_bridge"),
    ("poller dead", {"heartbeats": without(Role.BRIDGE, beat(Role.BRIDGE, 99))}, "no_bridge"),
    ("workers stopped", {"heartbeats": without(Role.WORKER)}, "no_worker"),
    ("scheduler dead", {"heartbeats": without(Role.SCHEDULER), "gauges_age": 900}, "no_scheduler"),
    ("most attempts fail", {"progress": minutes(*[FAILING] * 3)}, "attempts_fail"),
    (
        "at one mail a minute",
        {"progress": minutes(*[{"not_settled": 1}] * 10, usual=NOTHING)},
        "attempts_fail",
    ),
    ("many dead letters", {"progress": minutes(*[DYING] * 9)}, "many_dead_letters"),
    ("all rejected", {"progress": minutes(*[{"rejected": 9, "received": 9}] * 10)}, "many_rejects"),
    (
        "bridges take nothing",
        {"queue": QueueCounts(5, 0, 0), "progress": minutes(NOTHING, NOTHING, NOTHING)},
        "nothing_taken",
    ),
    (
        "workers finish nothing",
        {"waiting_seconds": 200.0, "progress": minutes(*[{"received": 9, "arrived": 9}] * 4)},
        "nothing_settled",
    ),
    ("too few workers", {"waiting_seconds": 400.0}, "workers_too_slow"),
    ("unsubscribed", {"progress": minutes(NOTHING, NOTHING, NOTHING, NOTHING)}, "no_mail"),
    ("no canary", {"canary_age": 301.0}, "no_canary"),
    ("gauges stand still", {"gauges_age": 400.0}, "gauges_stand_still"),
    ("one of two workers died", {"heartbeats": [*ALIVE, beat(Role.WORKER, 60)]}, "process_silent"),
    ("two schedulers", {"heartbeats": [*ALIVE, beat(Role.SCHEDULER)]}, "two_schedulers"),
    ("account shut down", account(standing="SHUTDOWN"), "ses_paused"),
    ("sending switched off", account(may_send=False), "ses_paused"),
    ("account under review", account(standing="PROBATION"), "ses_under_review"),
    ("quota nearly used", account(sent_today=45_000), "ses_quota"),
    ("senders held", judged(Sending(1_000, 45, 0), "mask random-1"), "senders_held"),
    ("everybody's mail bounces", judged(Sending(1_000, 45, 0)), "reputation"),
    ("no permission", unreadable("AccessDeniedException", 1), "account_unreadable"),
    ("unreadable for long", unreadable("ReadTimeoutError", 900), "account_unreadable"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "cause"), [case[1:] for case in STALLS], ids=[c[0] for c in STALLS]
)
def test_each_stall_has_one_cause(given: dict[str, Any], cause: str) -> None:
    verdict = judge(facts(**given))

    assert [one.cause for one in verdict.causes] == [cause]
    assert verdict.level is ADVICE[Cause(cause)].level


def test_the_table_has_every_cause() -> None:
    assert {cause for _, _, cause in STALLS} == set(Cause)


WELLS: list[tuple[str, dict[str, Any]]] = [
    ("as always", {}),
    ("our own pace", {"progress": minutes(*[PACED] * 10), "queue": QueueCounts(9_000, 0, 0)}),
    ("a flood", {"queue": QueueCounts(90_000, 0, 200), "waiting_seconds": 90.0}),
    ("some failures", {"progress": minutes(*[{"not_settled": 4, **WELL}] * 10)}),
    ("one poison message", {"progress": minutes({"not_settled": 8}, usual=NOTHING)}),
    ("a quiet relay", {"progress": minutes(usual=NOTHING), "usual_silence": 7_200.0}),
    ("a new relay", {"progress": minutes(usual=NOTHING), "usual_silence": None}),
    ("bounces", {"progress": minutes(*[{"recorded": 50, "received": 50, "arrived": 50}] * 10)}),
    ("a lock that has gone", {"progress": minutes(LOCKED, LOCKED, NOTHING, usual=NOTHING)}),
    ("large mails", {"progress": minutes(*[LARGE] * 3)}),
    ("a fresh canary", {"canary_age": 130.0}),
    ("a healthy account", account()),
    ("an account without a quota", account(per_day=None, sent_today=10**9)),
    ("most of the quota", account(sent_today=44_999)),
    ("what was read long ago", account(standing="SHUTDOWN", read_at=NOW - 900)),
    ("ten bad mails", judged(Sending(10, 10, 3))),
    ("what was judged long ago", judged(Sending(1_000, 45, 0), "x", at=NOW - 900)),
    ("unreadable for once", unreadable("ReadTimeoutError", 899)),
]  # fmt: skip


@pytest.mark.parametrize("given", [case[1] for case in WELLS], ids=[case[0] for case in WELLS])
def test_nothing_is_wrong_with(given: dict[str, Any]) -> None:
    verdict = judge(facts(**given))

    assert (verdict.level, verdict.text) == (Level.GOOD, "All is well.")


def test_what_follows_from_a_cause_stands_below_it() -> None:
    verdict = judge(
        facts(redis=RedisFault("OOM", kind=Failing.FULL), heartbeats=[], gauges_age=900)
    )

    assert [one.cause for one in verdict.causes] == ["redis_full"]
    assert [one.cause for one in verdict.symptoms] == [
        "no_bridge",
        "no_worker",
        "no_scheduler",
        "gauges_stand_still",
    ]


def test_two_troubles_are_both_named_the_worse_first() -> None:
    verdict = judge(facts(redis_memory=0.8, breakers=opened(Dependency.S3, "AccessDenied")))

    assert [one.cause for one in verdict.causes] == ["s3_denied", "redis_nearly_full"]


def test_a_cause_is_never_lost_between_two_that_explain_each_other() -> None:
    for one, other in itertools.permutations(Cause, 2):
        assert not (other in follows_from(one) and one in follows_from(other)), (one, other)
    assert all(cause not in follows_from(cause) for cause in Cause)


def test_the_sentence_names_cause_time_effect_and_remedy() -> None:
    (cause,) = judge(facts(breakers=opened(Dependency.SES, "SendingPausedException"))).causes

    assert cause.sentence == (
        "AWS has paused sending: SendingPausedException, for 90 s. Mail waits in SQS; "
        "none is lost. Read what AWS wrote to the account's owner, and have sending enabled again."
    )
    assert cause.advice.command.startswith("aws sesv2 get-account")


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        (account(standing="SHUTDOWN"), "AWS has paused sending: SHUTDOWN, for 90 s. Mail waits"),
        (
            account(sent_today=47_120),
            "SES's quota is nearly used: 47,120 of 50,000 mails in 24 hours. Beyond it",
        ),
        (
            judged(Sending(1_000, 45, 1), "mask random-1", "sender 0a1b"),
            "Mail of 2 masks or senders is held: of 24 hours' 1,000 mails 4.5% bounced",
        ),
        (
            unreadable("AccessDeniedException", 7_200),
            "SES's account can't be read: AccessDeniedException, for 2 h. Mail is sent as before",
        ),
    ],
)
def test_what_is_said_of_the_account(given: dict[str, Any], begins: str) -> None:
    assert judge(facts(**given)).text.startswith(begins)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_says_what_to_do_and_where_to_read_on(cause: Cause) -> None:
    advice = ADVICE[cause]

    assert all((advice.effect, advice.todo, advice.command))
    assert f'<h2 id="{advice.anchor}">' in rendered(PAGES / "runbook.md")


@pytest.mark.parametrize(
    ("usual", "limit"),
    [(None, None), (0, 60), (60, 180), (300, 900), (1_200, 3_600), (1_201, None)],
)
def test_how_long_no_mail_may_come(usual: float | None, limit: float | None) -> None:
    assert silence_limit(usual) == limit


def test_the_usual_silence_is_the_longest_of_the_day() -> None:
    counts: list[dict[str, int]] = [{"arrived": 1}] * 200
    assert longest_silence(Progress(0, counts)) == 0
    counts[50:53] = [{}] * 3
    assert longest_silence(Progress(0, counts)) == 180
    assert longest_silence(Progress(0, counts[:100])) is None
    assert longest_silence(Progress(0, [])) is None


TOOK = {"processes_alive:bridge": 1.0, "email_queue_count:mail": 0.0}
OUTAGES: list[dict[str, float] | None] = [
    TOOK | {"processes_alive:bridge": 0.0},
    TOOK | {"email_queue_count:mail": 40.0},
    None,
]


@pytest.mark.parametrize("sample", OUTAGES, ids=["no bridge", "mail waits in SQS", "no sample"])
def test_an_outage_of_ours_is_no_usual_silence(sample: dict[str, float] | None) -> None:
    """In the drill each trouble taught a longer silence, and at last none was unusual."""
    day = Progress(0, [{"arrived": 1}] * 50 + [{}] * 3 + [{"arrived": 1}] * 100)
    samples = [Sample(minute, TOOK) for minute in range(153)]
    assert longest_silence(day, find_outages(day, samples, "mail")) == 180

    samples[51:52] = [] if sample is None else [Sample(51, sample)]

    assert longest_silence(day, find_outages(day, samples, "mail")) == 0


@pytest.mark.parametrize("counted", ["rejected", "postponed"])
def test_messages_that_are_no_good_are_no_usual_silence(counted: str) -> None:
    day = Progress(0, [{"arrived": 1}] * 50 + [{}, {counted: 9}] + [{"arrived": 1}] * 100)

    assert longest_silence(day, find_outages(day, [], "mail")) == 0


def test_a_reject_in_a_quiet_night_makes_the_night_no_less_usual() -> None:
    """Without that, the next night pages."""
    night: list[dict[str, int]] = [{}] * 90 + [{"rejected": 1}] + [{}] * 89
    day = Progress(0, [{"arrived": 1}] * 50 + night + [{"arrived": 1}] * 100)

    assert longest_silence(day, find_outages(day, [], "mail")) == 177 * 60


def test_dead_letters_and_the_overflow_make_no_outage() -> None:
    day = Progress(0, [{"arrived": 1}] * 50 + [{}] * 3 + [{"arrived": 1}] * 100)
    samples = [Sample(minute, TOOK | {"email_queue_count:dead": 9.0}) for minute in range(153)]

    assert longest_silence(day, find_outages(day, samples, "mail")) == 180


def test_where_a_server_is_holds_no_password() -> None:
    assert where("redis://user:swordfish@redis.example:6380/0") == "redis.example:6380"
    assert where("postgresql://user:swordfish@db.example/relay") == "db.example"
    assert where("postgresql://user:swordfish@/relay?host=/tmp/x") == "a local socket"
