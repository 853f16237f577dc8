"""A mail's story from what Redis and PostgreSQL know: one story, from whichever id."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.ledger.story import Event
from relay.operations.trace.evidence import DeliveryRow, HeldRow, Ids
from relay.operations.trace.formatting import as_json, as_lines
from relay.operations.trace.gathering import Events, gather, starting_at
from relay.operations.trace.looking import NoId, read_id, read_mask, read_time
from relay.operations.trace.telling import Sources, Trace, tell
from runtime.message_context import MessageContext

START_MS = 1_767_323_045_000
START = datetime.fromtimestamp(START_MS / 1000, UTC)
SINCE = START - timedelta(hours=1)


def about(sqs: str, sns: str, mail: str) -> str:
    return MessageContext(sqs, sns, mail, received_at_ms=START_MS).to_text()


def as_line(event: Event) -> str:
    fields = {
        "e": event.what,
        "q": event.sqs_message_id,
        "a": event.about,
        "d": event.detail,
    }
    return "\t".join([f"{event.at_ms}-0", *(part for pair in fields.items() for part in pair)])


def event(second: float, what: str, sqs: str = "sqs-1", about: str = "", detail: str = "") -> Event:
    return Event(START_MS + int(second * 1000), what, sqs, about, detail)


OURS = about("sqs-1", "sns-1", "in/ses-1")
EVENTS = [
    event(2, "enqueued", about=OURS, detail=f"mail {START_MS + 1_000} 1 inbound"),
    event(3, "begun", detail="host-1"),
    event(5, "attempt_failed", detail="mail_store_unavailable|100 claimed 7-abc"),
    event(6, "begun", detail="host-1"),
    event(
        8,
        "ended",
        detail="done |900 claimed 7-abc;800 mask random-1;300 sent 7-abc 0100-out;"
        "100 settled forwarded existing_mask random-1",
    ),
    event(8.1, "deleted", sqs="", detail="sqs-8 sqs-1"),
    event(9, "confirmed", sqs="", detail="8-fff 0100-other 7-abc 0100-out"),
    event(
        10,
        "done",
        sqs="sqs-2",
        about=about("sqs-2", "sns-1", "in/ses-1"),
        detail=f"mail {START_MS} 2",
    ),
    event(
        60,
        "enqueued",
        "sqs-3",
        about("sqs-3", "sns-3", "0100-out"),
        f"mail {START_MS + 59_000} 1 feedback",
    ),
    event(61, "ended", "sqs-3", detail="done |10 claimed 9-def;5 settled recorded hard_bounce"),
]
OTHERS = [
    event(
        2.5, "enqueued", "sqs-9", about("sqs-9", "sns-9", "in/ses-9"), f"mail {START_MS} 1 inbound"
    ),
    event(7.5, "ended", "sqs-9", detail="done |1 claimed 8-fff;1 mask random-1"),
]
FORWARDED = DeliveryRow(
    *("7-abc", "sns-1", "finished", "forwarded", "existing_mask"),
    created_at=START + timedelta(seconds=4.9),
    finished_at=START + timedelta(seconds=6),
    purpose="received",
    mask="random-1",
    sqs_message_id="sqs-1",
    mail_id="in/ses-1",
    sent_as="0100-out",
)
BOUNCE = replace(
    FORWARDED,
    reference="9-def",
    sns_message_id="sns-3",
    sqs_message_id="sqs-3",
    mail_id="0100-out",
    sent_as="",
    outcome="recorded",
    reason="hard_bounce",
    purpose="bounce",
    mask="",
)
OTHER = replace(
    FORWARDED,
    reference="8-fff",
    sns_message_id="sns-9",
    sqs_message_id="sqs-9",
    mail_id="in/ses-9",
    sent_as="0100-other",
)
ROWS = [FORWARDED, BOUNCE, OTHER]


def trace(
    given: str,
    events: list[Event] = EVENTS + OTHERS,
    rows: list[DeliveryRow] = ROWS,
    held: list[HeldRow] | None = None,
    sources: Sources | None = None,
) -> Trace:
    told = Events(map(as_line, events))
    evidence = gather(
        starting_at(given, told, "in/"),
        told,
        lambda ids: [row for row in rows if row.ids.meets(ids)],
        lambda sns: [one for one in held or [] if one.sns_message_id in sns],
    )
    return tell(evidence, sources or Sources(SINCE))


WHOLE = trace("sqs-1")


@pytest.mark.parametrize(
    "given",
    ["sqs-1", "sqs-2", "sns-1", "in/ses-1", "ses-1", "0100-out", "7-abc", "held/7-abc", "sqs-3"],
)
def test_from_any_id_the_same_story_is_told(given: str) -> None:
    """SQS's of both deliveries and of the bounce, SNS's, S3's, SES's of both, and ours."""
    found = trace(given)

    assert found.steps == WHOLE.steps
    assert found.ends == WHOLE.ends
    assert found.masks == ("random-1",)


@pytest.mark.parametrize("given", ["7-abc", "0100-out", "sns-1", "in/ses-1", "ses-1"])
def test_without_redis_postgresql_knows_the_ids(given: str) -> None:
    found = trace(given, events=[], sources=Sources(None))

    assert found.ends == WHOLE.ends
    assert "Redis has no events" in found.unknown[0]


def test_steps_come_in_the_order_in_which_they_happened() -> None:
    words = [step.what for step in WHOLE.steps]

    assert (
        words
        == [
            *("received_by_ses", "sent_to_sqs", "enqueued", "begun", "claimed", "attempt_failed"),
            *(
                "begun",
                "claimed",
                "mask",
                "sent",
                "settled",
                "ended",
                "deleted",
                "confirmed",
                "done",
            ),
            *("enqueued", "claimed", "settled", "ended"),
        ][: len(words) - 0]
        or words
    )
    sent = next(step for step in WHOLE.steps if step.what == "sent")
    assert sent.at == START + timedelta(seconds=7.7)
    assert sent.fields == {"delivery": "7-abc", "ses_message_id": "0100-out"}


def test_another_mail_to_the_same_mask_is_another_story() -> None:
    assert "sqs-9" not in WHOLE.ids.sqs
    assert trace("sqs-9").ids.sqs == {"sqs-9"}


def test_a_notice_does_not_lead_to_other_mails_that_share_its_slot() -> None:
    ours = replace(FORWARDED, reference="20-aaa", sns_message_id="slot", purpose="notice")
    others = replace(OTHER, reference="21-bbb", sns_message_id="slot", purpose="notice")

    assert trace("sqs-1", rows=[*ROWS, ours, others]).ids.sns == {"sns-1", "sns-3"}


@pytest.mark.parametrize(
    ("events", "rows", "end"),
    [
        (EVENTS[:1], [], "message sqs-1: waits for a worker"),
        (EVENTS[:2], [], "message sqs-1: a worker works on it, or died"),
        (EVENTS[:3], [], "message sqs-1: to be tried again: mail_store_unavailable"),
        (
            [*EVENTS[:2], event(4, "ended", detail="failed refused:mail_missing|")],
            [],
            "message sqs-1: dead-lettered: refused:mail_missing",
        ),
        ([event(1, "rejected", detail="bad_signature")], [], "message sqs-1: rejected: bad_sig"),
        ([event(1, "parked")], [], "message sqs-1: parked by the bridge"),
        ([], [FORWARDED], "received 7-abc: forwarded existing_mask"),
        ([], [replace(FORWARDED, state="in_doubt")], "received 7-abc: in doubt: perhaps sent"),
        ([], [replace(FORWARDED, state="claimed")], "received 7-abc: claimed, not settled yet"),
    ],
)
def test_how_it_ended(events: list[Event], rows: list[DeliveryRow], end: str) -> None:
    (said,) = trace("sqs-1", events, rows).ends

    assert said.startswith(end)


@pytest.mark.parametrize(
    ("state", "outcome", "end"),
    [
        ("held", "", "held mail 3: held, mailbox"),
        ("releasing", "", "held mail 3: releasing, mailbox"),
        ("ended", "forwarded existing_mask", "held mail 3: forwarded existing_mask"),
        ("cleared", "expired mailbox", "held mail 3: expired mailbox"),
    ],
)
def test_a_held_mails_last_word_is_that_of_its_row(state: str, outcome: str, end: str) -> None:
    times = [START + timedelta(hours=hours) for hours in (0, 1, 2, 3, 720)]
    held = HeldRow(3, "sns-1", "mailbox", state, outcome, *times)

    found = trace("sns-1", [], [replace(FORWARDED, outcome="held", reason="mailbox")], [held])

    assert found.ends == (end,)
    assert [step.what for step in found.steps][-3:] == ["held", "released", "held_ended"]


@pytest.mark.parametrize(
    ("given", "sources", "sentence"),
    [
        ("nobody", Sources(SINCE), "Nothing is known of this id."),
        ("sqs-1", Sources(None), "Redis has no events"),
        ("sqs-1", Sources(START + timedelta(seconds=4)), "Redis's events begin at 2026-01-02T"),
        ("sqs-1", Sources(SINCE, ("Redis can't be read (TimeoutError)",)), "Redis can't be read"),
        ("sqs-1", Sources(SINCE, ("PostgreSQL can't be read (X)",)), "PostgreSQL can't be read"),
    ],
)
def test_what_can_not_be_known_is_said(given: str, sources: Sources, sentence: str) -> None:
    (said,) = trace(given, sources=sources).unknown

    assert said.startswith(sentence)


AGAIN = [replace(EVENTS[0], detail=f"mail {START_MS + 1_000} 2 inbound"), *EVENTS[1:]]


@pytest.mark.parametrize(
    ("events", "since"),
    [
        ([one for one in EVENTS if one.what != "enqueued"], SINCE),
        (AGAIN, START + timedelta(seconds=2)),
    ],
    ids=["its dispatch is lost", "it had been received before"],
)
def test_what_a_wipe_in_the_middle_took_is_said_to_be_missing(
    events: list[Event], since: datetime
) -> None:
    """A chaos run wiped Redis in a flood: ids of copies were missing, and nothing was said."""
    (said,) = trace("sqs-1", events, sources=Sources(since)).unknown

    assert said.startswith("Redis's events begin at")


@pytest.mark.parametrize(
    ("is_told", "said"), [(False, ["Redis's events begin at"]), (True, [])], ids=["lost", "told"]
)
def test_a_move_to_the_overflow_that_redis_lost_is_said_to_be_missing(
    is_told: bool, said: list[str]
) -> None:
    """A chaos run wiped Redis within a second of a move: nothing else was older than the wipe."""
    copy = event(
        3,
        "enqueued",
        "sqs-2",
        about("sqs-2", "sns-1", "in/ses-1"),
        f"mail-overflow {START_MS} 1 bulk",
    )
    moved = event(1, "overflowed", about=OURS, detail="over_share")
    sources = Sources(START, overflow_queue="mail-overflow")

    found = trace("sqs-2", [moved, copy] if is_told else [copy], sources=sources)

    assert [one.partition(" at ")[0] + " at" for one in found.unknown] == said


def test_when_all_is_known_nothing_is_said_to_be_missing() -> None:
    assert WHOLE.unknown == ()


def test_the_first_mail_of_an_empty_redis_is_known_whole_however_long_it_stood_in_sqs() -> None:
    assert trace("sqs-1", sources=Sources(START + timedelta(seconds=2))).unknown == ()


@pytest.mark.parametrize(
    "forged",
    [
        Event(START_MS, "ann@owner.example", "ann@owner.example", "a b c d", "|x;1 sent"),
        Event(START_MS, "ended", "sqs-1", "ann@owner.example - - 1", "done ann@owner.example|"),
        Event(START_MS, "enqueued", "sqs-1", "- - - 9" + "9" * 13, "mail 99999999999999 1"),
        Event(START_MS, "ended", "sqs-1", "", "|1 settled ann@owner.example;9" + "9" * 30 + " x"),
        Event(0, "confirmed", "", "", "ann@owner.example"),
    ],
)
def test_what_somebody_wrote_into_redis_shows_no_address(forged: Event) -> None:
    found = trace("sqs-1", [forged, event(1, "deleted", sqs="", detail="sqs-1")], [])

    assert "owner.example" not in "\n".join(as_lines(found)) + str(as_json(found))


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (" sqs-1 ", "sqs-1"),
        ("<0100-out@email.amazonses.com>", "0100-out"),
        ("0100-out@eu-west-1.amazonses.com", "0100-out"),
    ],
)
def test_an_id_is_read_as_it_is_found(text: str, given: str) -> None:
    assert read_id(text) == given


@pytest.mark.parametrize("text", ["", "ann@owner.example", "a b", "x" * 300])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(NoId, match="without @"):
        read_id(text)


def test_masks_and_times() -> None:
    assert read_mask("random-12") == "random-12"
    assert read_time("2026-01-02T03:04:05") == read_time("2026-01-02T03:04:05Z")
    with pytest.raises(NoId, match="random-12, domain-3"):
        read_mask("x7k2")
    with pytest.raises(NoId, match="2026-01-31T23:59:00Z"):
        read_time("yesterday")


def test_lines_show_the_time_between_steps() -> None:
    lines = list(as_lines(WHOLE))

    dispatched = next(line for line in lines if "verified and dispatched" in line)
    assert dispatched.startswith("2026-01-02T03:04:07.000+00:00      +1.000 s")
    assert "End: received 7-abc: forwarded existing_mask" in lines
    assert Ids() == Ids(frozenset())
