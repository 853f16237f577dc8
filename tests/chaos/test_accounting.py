"""The judge itself: a harness that calls everything well proves nothing."""

from dataclasses import replace

import pytest

from runtime.trace_header import trace_id_from
from tests.chaos.accounting import BAD, Fate, Flood, Judged, judge, judge_flood
from tests.chaos.acts import Act, drawn_acts
from tests.chaos.schedule import LONG, SHORT, STORM, Kind, drawn, storm
from tests.chaos.stories import Asked, problems, torn_traces
from tests.collector import Seen
from tests.lab.accounts import Account, Books, Keeping, Sending

FINISHED, IN_DOUBT, CLAIMED, NONE = "finished", "in_doubt", "claimed", ""
ONCE = [Sending(100.0, "workers-1.1")]
TWICE = [*ONCE, Sending(140.0, "workers-2.1")]
KILLED = {"workers-1.1": [50.0, 100.2]}


@pytest.mark.parametrize(
    ("sendings", "state", "killed_at", "failure", "is_in_sqs", "fate"),
    [
        (ONCE, FINISHED, {}, None, False, Fate.FORWARDED),
        (ONCE, CLAIMED, {}, None, True, Fate.UNSETTLED),
        (ONCE, NONE, {}, None, False, Fate.UNSETTLED),
        (ONCE, IN_DOUBT, {}, "send_in_doubt", True, Fate.IN_DOUBT_SENT),
        ([], IN_DOUBT, {}, "send_in_doubt", True, Fate.IN_DOUBT_NOT_SENT),
        ([], NONE, {}, "mail_missing", True, Fate.DEAD_LETTERED),
        ([], NONE, {}, "mail_missing", False, Fate.LOST),
        ([], NONE, {}, None, True, Fate.LOST),
        ([], FINISHED, {}, None, False, Fate.LOST),
        (TWICE, FINISHED, KILLED, None, False, Fate.TWICE_EXPLAINED),
        (TWICE, FINISHED, {}, None, False, Fate.TWICE),
        (TWICE, FINISHED, {"workers-1.1": [98.5]}, None, False, Fate.TWICE),
        (TWICE, FINISHED, {"workers-1.1": [110.0]}, None, False, Fate.TWICE),
        (TWICE, FINISHED, {"workers-2.1": [140.1]}, None, False, Fate.TWICE),
        ([*TWICE, Sending(150, "workers-3.1")], FINISHED, KILLED, None, False, Fate.TWICE),
    ],
)
def test_what_became_of_a_message(
    sendings: list[Sending],
    state: str,
    killed_at: dict[str, list[float]],
    failure: str | None,
    is_in_sqs: bool,
    fate: Fate,
) -> None:
    failures = [failure] if failure else []
    account = Account("1", sendings, state, {"a": 1}, is_queued=is_in_sqs, failures=failures)
    assert judge(account, killed_at=killed_at).fate is fate


def test_a_message_that_kills_its_workers_is_to_be_dead_lettered() -> None:
    dead = Account("1", [], CLAIMED, {}, is_queued=True, failures=["too_many_deliveries"])
    doubtful = replace(dead, state=IN_DOUBT)

    assert judge(dead, killed_at={}, is_poison=True).fate is Fate.POISON
    assert judge(doubtful, killed_at={}, is_poison=True).fate is Fate.POISON
    assert judge(dead, killed_at={}).fate is Fate.DEAD_LETTERED
    assert Fate.DEAD_LETTERED in BAD


def test_a_message_that_is_to_be_refused_is_kept_and_never_claimed() -> None:
    dead = Account("1", [], NONE, {}, is_queued=True, failures=["unknown_notification"])

    assert judge(dead, killed_at={}, is_refused=True).fate is Fate.REFUSED
    for wrong in (
        replace(dead, is_queued=False),
        replace(dead, failures=[]),
        replace(dead, state=CLAIMED),
        replace(dead, sendings=ONCE),
    ):
        assert judge(wrong, killed_at={}, is_refused=True).fate in BAD


@pytest.mark.parametrize(
    ("passed", "last_fate", "wrong"),
    [
        (2, Fate.FORWARDED, []),
        (3, Fate.FORWARDED, ["3 mails passed a limit with room for 2"]),
        (1, Fate.FORWARDED, ["1 mails passed a limit with room for 2"]),
        (2, Fate.HELD, ["2 of a flood's 3 mails arrived in the end"]),
    ],
)
def test_a_flood_passes_up_to_the_limit_and_arrives_the_next_day(
    passed: int, last_fate: Fate, wrong: list[str]
) -> None:
    fates = {"1": Fate.FORWARDED, "2": Fate.FORWARDED, "3": last_fate, "another": Fate.LOST}
    judged = [Judged(mail, fate) for mail, fate in fates.items()]

    assert judge_flood(Flood(["1", "2", "3"], room=2, passed=passed), judged) == wrong


def test_what_a_run_cost_besides_one_sending_and_one_receive_per_mail() -> None:
    perfect = Account("1", ONCE, FINISHED, {"a": 1, "b": 1})
    twice = Account("2", TWICE, FINISHED, {"c": 3}, is_given_up=True, failures=["crashed"])
    doubtful = Account("3", [], IN_DOUBT, {"d": 1}, is_queued=True)

    assert Books([perfect]).cost == {}
    assert Books([perfect, twice, doubtful], {"send_in_doubt": 1}).cost == {
        "not sent": 1,
        "sent again": 1,
        "in doubt": 1,
        "left in the queue": 1,
        "in SQS's dead-letter queue": 1,
        "receives burnt": 2,
        "dead letter: crashed": 1,
        "dead letter in Redis: send_in_doubt": 1,
    }


def test_the_same_seed_breaks_the_same_things() -> None:
    assert drawn(LONG, 7) == drawn(LONG, 7) != drawn(LONG, 8)
    assert len(drawn(SHORT, 1)) == SHORT.faults


def test_a_storm_is_drawn_by_its_seed() -> None:
    assert drawn(STORM, 7) == drawn(STORM, 7) != drawn(STORM, 8)
    kinds = {fault.kind for seed in range(30) for fault in drawn(STORM, seed)}
    assert kinds == set(Kind)


def test_the_long_run_is_as_hard_as_promised() -> None:
    assert LONG.numbers.keys() == set(Kind)
    assert LONG.messages >= 5_000
    assert LONG.kills >= 30
    assert LONG.numbers[Kind.WIPE_REDIS] + LONG.numbers[Kind.RESTART_REDIS] >= 3
    assert LONG.numbers[Kind.RESTART_POSTGRES] >= 2
    assert {Fate.LOST, Fate.TWICE} <= BAD


def test_a_seeds_acts_are_its_own_and_leave_its_faults_alone() -> None:
    assert drawn_acts(30, 300, 7) == drawn_acts(30, 300, 7) != drawn_acts(30, 300, 8)
    played = {one.act for seed in range(5) for one in drawn_acts(30, 300, seed)}
    assert played == set(Act)
    assert drawn(replace(LONG, acts=0), 7) == drawn(LONG, 7)


ARRIVED = Sending(100.0, "workers-1.1")
BOUNCED = Sending(90.0, "workers-1.1", "5.1.1")
FULL = Sending(110.0, "workers-1.1", "5.2.2")
REFUSED = Sending(90.0, "workers-1.1", "5.7.1")
VACATION = Sending(90.0, "workers-1.1", "")
HELD = Keeping("held")
FORWARDED = Keeping("ended", "forwarded existing_mask", releases=1)
TWO_RELEASES = replace(FORWARDED, releases=2)
CLEARED = replace(FORWARDED, state="cleared", is_stored=False)
EXPIRED = Keeping("cleared", "expired spam", is_stored=False)


@pytest.mark.parametrize(
    ("sendings", "held", "fate"),
    [
        ([], HELD, Fate.HELD),
        ([], Keeping("releasing", releases=1), Fate.HELD),
        ([BOUNCED], Keeping("held", releases=1), Fate.HELD),
        ([], replace(HELD, is_stored=False), Fate.GONE_WHILE_HELD),
        ([], Keeping("releasing", releases=1, is_stored=False), Fate.GONE_WHILE_HELD),
        ([ARRIVED], Keeping("held", releases=1), Fate.SENT_AND_HELD),
        ([ARRIVED], Keeping("releasing", releases=1), Fate.SENT_AND_HELD),
        ([ARRIVED], FORWARDED, Fate.FORWARDED),
        ([ARRIVED], CLEARED, Fate.FORWARDED),
        ([VACATION], FORWARDED, Fate.FORWARDED),
        ([BOUNCED, ARRIVED], TWO_RELEASES, Fate.FORWARDED),
        ([BOUNCED, ARRIVED], FORWARDED, Fate.TWICE),
        ([VACATION, ARRIVED], TWO_RELEASES, Fate.TWICE),
        ([], FORWARDED, Fate.LOST),
        ([BOUNCED], FORWARDED, Fate.BOUNCED_UNHEARD),
        ([BOUNCED, FULL], TWO_RELEASES, Fate.BOUNCED_UNHEARD),
        ([REFUSED], FORWARDED, Fate.BOUNCED),
        ([], EXPIRED, Fate.ENDED),
        ([BOUNCED], replace(EXPIRED, releases=1), Fate.ENDED),
        ([], replace(EXPIRED, ended_early=True), Fate.ENDED_EARLY),
        ([ARRIVED], replace(EXPIRED, releases=1), Fate.UNSETTLED),
        ([], Keeping("ended", "dropped discarded"), Fate.ENDED),
        ([], Keeping("ended", "blocked blocks_all", releases=1), Fate.DESTROYED),
        ([], Keeping("ended", "nomask deleted"), Fate.DESTROYED),
        ([], Keeping("ended", "dropped abuse_pause", releases=1), Fate.WRONGLY_DESTROYED),
    ],
)
def test_what_became_of_a_held_mail(sendings: list[Sending], held: Keeping, fate: Fate) -> None:
    account = Account("1", sendings, FINISHED, {}, outcome="held spam", held=held)
    assert judge(account, killed_at={}).fate is fate


@pytest.mark.parametrize(
    ("sendings", "outcome", "fate"),
    [
        ([ARRIVED], "forwarded existing_mask", Fate.FORWARDED),
        ([VACATION], "forwarded existing_mask", Fate.FORWARDED),
        ([BOUNCED], "forwarded existing_mask", Fate.BOUNCED),
        ([REFUSED], "forwarded existing_mask", Fate.BOUNCED),
        ([BOUNCED, ARRIVED], "forwarded existing_mask", Fate.TWICE),
        ([], "forwarded existing_mask", Fate.LOST),
        ([], "held spam", Fate.LOST),
        ([], "blocked blocks_all", Fate.DESTROYED),
        ([], "dropped virus", Fate.DESTROYED),
        ([], "dropped loop", Fate.DESTROYED),
        ([], "nomask unknown", Fate.DESTROYED),
        ([], "dropped abuse_pause", Fate.WRONGLY_DESTROYED),
        ([], "dropped dmarc_reject", Fate.WRONGLY_DESTROYED),
        ([], "ignored not_ours", Fate.WRONGLY_DESTROYED),
    ],
)
def test_what_became_of_a_mail_that_was_never_held(
    sendings: list[Sending], outcome: str, fate: Fate
) -> None:
    account = Account("1", sendings, FINISHED, {}, outcome=outcome)
    assert judge(account, killed_at={}).fate is fate


def test_a_short_storm_has_its_share_of_everything_and_only_its_kinds() -> None:
    short = storm(60, [Kind.REDIS_SMALL, Kind.KILL_WORKER])

    assert (short.messages, short.drawn, short.acts) == (300, 10, 6)
    assert {fault.kind for fault in drawn(short, 1)} == {Kind.REDIS_SMALL, Kind.KILL_WORKER}
    assert drawn(storm(STORM.seconds), 1) == drawn(STORM, 1)


SNS, SQS, TRACE = ("SNS's id", "1"), ("SQS's id", "a"), ("trace's id", trace_id_from("1"))
ASKED = Asked([SNS, SQS, TRACE], frozenset({"1"}))
TOLD = {
    "ends": ["received 7-abc: forwarded existing_mask"],
    "steps": [1],
    "unknown": [],
    "sqs_message_ids": ["a"],
    "sns_message_ids": ["1"],
    "mail_ids": [],
    "trace_ids": [TRACE[1]],
}
WIPED = TOLD | {"unknown": ["Redis's events begin at …"], "sqs_message_ids": [], "trace_ids": []}
NOTHING = WIPED | {"ends": [], "steps": [], "sns_message_ids": []}


@pytest.mark.parametrize(
    ("outcome", "first", "other", "number"),
    [
        ("forwarded existing_mask", TOLD, TOLD, 0),
        ("forwarded existing_mask", TOLD, NOTHING, 0),
        ("forwarded existing_mask", TOLD, TOLD | {"ends": []}, 1),
        ("forwarded existing_mask", TOLD, NOTHING | {"unknown": []}, 1),
        ("blocked all", TOLD, TOLD, 1),
        ("forwarded existing_mask", TOLD | {"sqs_message_ids": []}, NOTHING, 1),
        ("forwarded existing_mask", TOLD | {"trace_ids": []}, NOTHING, 1),
        ("forwarded existing_mask", WIPED, NOTHING, 0),
        ("forwarded existing_mask", WIPED | {"sns_message_ids": []}, NOTHING, 1),
    ],
)
def test_a_story_is_right_if_it_ends_as_the_books_say_and_has_all_ids_whichever_is_asked_for(
    outcome: str, first: dict[str, object], other: dict[str, object], number: int
) -> None:
    account = Account("1", ONCE, FINISHED, {"a": 1}, outcome=outcome)

    assert len(problems(account, ASKED, [first, other])) == number


def test_a_span_in_another_trace_than_its_mail_or_the_span_above_is_found() -> None:
    own, mail = trace_id_from("1"), {"sns_message_id": "1"}

    def span(number: str, trace_id: str, above: str = "", **about: str | int) -> Seen:
        return Seen("service", "name", trace_id, number, above, (), about, is_failed=False)

    right = [span("a", own, **mail), span("b", own, "a"), span("c", own, "of a killed worker")]
    assert torn_traces(right) == []
    assert len(torn_traces([*right, span("d", trace_id_from("2"), **mail)])) == 1
    assert len(torn_traces([*right, span("e", trace_id_from("2"), "a")])) == 1


@pytest.mark.parametrize(("story", "kept", "number"), [(NOTHING, (), 0), (NOTHING, ("1",), 2)])
def test_only_the_end_of_a_message_that_no_attempt_claimed_may_be_lost(
    story: dict[str, object], kept: tuple[str, ...], number: int
) -> None:
    account = Account("1", [], NONE, {"a": 1}, is_queued=True, failures=["malformed"])

    assert len(problems(account, Asked([SNS, SQS], frozenset(kept)), [story, story])) == number
