"""P10: of each outcome, either the owner is told, or it is written why not."""

import re
from itertools import product
from pathlib import Path

import pytest

from emails.rules.notice_kinds import (
    REFUSED_MAILS,
    REFUSED_REPLIES,
    TELLINGS,
    UNPROVEN,
    InDigest,
    Silence,
    Tell,
    Telling,
    Way,
    as_proven,
    notice_after,
    notice_after_refused_reply,
)
from emails.rules.notice_slots import BY_STRANGERS, slot_of
from emails.values import outcomes
from emails.values.notices import NoticeKind
from emails.values.outcomes import (
    Dropped,
    DropReason,
    Held,
    HeldReason,
    Outcome,
    RefuseReason,
    Replied,
    ReplyReason,
    from_stored,
)
from tests.unit.emails.builders import NOW
from tests.unit.emails.test_outcomes import DOCUMENT, SECTIONS

EVERY_OUTCOME = [
    from_stored(name, reason.value) for name in outcomes.NAMES for reason in SECTIONS[name]
]
DAY = NOW.date()


def ways_of(outcome: Outcome) -> dict[Way, Telling]:
    return {way: told[outcome] for way, told in TELLINGS.items() if outcome in told}


@pytest.mark.parametrize(
    "outcome", EVERY_OUTCOME, ids=lambda one: f"{type(one).__name__} {one.reason}"
)
def test_the_owner_is_told_of_each_outcome_or_it_is_written_why_not(outcome: Outcome) -> None:
    assert ways_of(outcome)
    assert all(isinstance(one, Tell | InDigest | Silence) for one in ways_of(outcome).values())


def test_each_notice_has_an_outcome_that_calls_for_it_and_each_silence_one_that_keeps_it() -> None:
    told = [one for table in TELLINGS.values() for one in table.values()]
    told += [*REFUSED_REPLIES.values(), *REFUSED_MAILS.values()]
    kinds = {one.kind for one in told if isinstance(one, Tell)}

    # A breaker that closes is no outcome, and what a reply is sent as is not part of one.
    assert kinds | {NoticeKind.MAILBOX_BACK, NoticeKind.REPLY_RENAMED} == set(NoticeKind)
    assert {one for one in told if isinstance(one, Silence)} | {Silence.CORRECTED} == set(Silence)


def test_a_reply_that_is_lost_is_always_told_of() -> None:
    """What its owner wrote is dropped in silence only if a machine wrote it, or nobody is there."""
    silent = {
        outcome.reason
        for outcome, telling in TELLINGS[Way.REPLY].items()
        if isinstance(outcome, Dropped) and isinstance(telling, Silence)
    }

    assert silent == {DropReason.LOOP, DropReason.AUTOMATIC_REPLY, DropReason.DEACTIVATED}


def test_a_mail_that_is_held_is_always_told_of_unless_the_mailbox_is_the_reason() -> None:
    silent = {
        reason for reason in HeldReason if isinstance(TELLINGS[Way.MAIL][Held(reason)], Silence)
    }

    assert silent == {HeldReason.MAILBOX}


def test_what_is_refused_and_no_reply_calls_for_no_notice() -> None:
    assert notice_after_refused_reply("sealed_reply") is NoticeKind.REPLY_SEALED
    assert notice_after_refused_reply("mail_missing") is None
    assert notice_after(Way.MAIL, Dropped(DropReason.VIRUS)) is None
    assert notice_after(Way.REPLY, Dropped(DropReason.VIRUS)) is NoticeKind.REPLY_VIRUS
    assert notice_after(Way.REPLY, Replied(ReplyReason.PREMIUM)) is None


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_of_a_reply_that_anybody_may_have_written_no_more_is_said(kind: NoticeKind) -> None:
    assert as_proven(kind, is_proven=True) is kind
    assert as_proven(kind, is_proven=False) in UNPROVEN


def test_all_replies_that_anybody_may_have_written_share_one_slot_a_day() -> None:
    slots = {slot_of(kind, 7, mask, DAY) for kind, mask in product(UNPROVEN, ["", "a@m", "b@m"])}

    assert len(slots) == 1


@pytest.mark.parametrize(
    "kind", [NoticeKind.REPLIES_PAUSED, NoticeKind.SPAM_BLOCKING_ON, NoticeKind.MAILBOX_BACK]
)
def test_what_concerns_all_masks_is_told_once_a_day(kind: NoticeKind) -> None:
    assert slot_of(kind, 7, "a@m", DAY) == slot_of(kind, 7, "b@m", DAY)
    assert slot_of(kind, 7, "a@m", DAY) != slot_of(kind, 8, "a@m", DAY)


def test_other_slots_differ_by_owner_kind_mask_and_day_and_strangers_slots_are_limited() -> None:
    kinds = [NoticeKind.REPLY_BOUNCED, NoticeKind.MAIL_UNSENDABLE]
    days = [DAY, NOW.replace(day=18).date()]
    slots = {slot_of(*one) for one in product(kinds, [1, 2], ["a@m", "b@m"], days)}

    assert len(slots) == 16
    assert {kind for kind in NoticeKind if slot_of(kind, 1, "a@m", DAY).limit} == BY_STRANGERS
    assert all(len(slot.group) < 100 for slot in slots)


# --- the document -----------------------------------------------------------------------------


def in_words(telling: Telling) -> str:
    match telling:
        case Tell(kind):
            return f"notice `{kind}`"
        case InDigest():
            return "the digest"
        case Silence():
            return f"no: {telling}"


def told_of(section: str, reason: str) -> str:
    """What `docs/outcomes.md` says in its column *told*."""
    if section == "refused":
        told = REFUSED_REPLIES.get(RefuseReason(reason))
        other = in_words(REFUSED_MAILS.get(RefuseReason(reason), Silence.CORRECTED))
        return other if told is None else f"{in_words(told)} (a reply)"
    ways = ways_of(from_stored(section, reason))
    if len(set(ways.values())) == 1:
        return in_words(next(iter(ways.values())))
    return "; ".join(f"{way}: {in_words(told)}" for way, told in ways.items())


def documented() -> dict[tuple[str, str], str]:
    """The last cell of each row."""
    found = {}
    for text in re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        section = text.partition("\n")[0].strip()
        for line in re.findall(r"^\| `\w+` \|.*$", text, re.MULTILINE):
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            found[section, cells[0].strip("`")] = cells[-1]
    return found


def test_the_document_says_of_each_outcome_whether_the_owner_is_told() -> None:
    expected = {
        (section, reason.value): told_of(section, reason.value)
        for section, reasons in SECTIONS.items()
        for reason in reasons
        if section != "not finished"
    }

    shown = {key: cell for key, cell in documented().items() if key[0] != "not finished"}
    assert shown == expected


def test_the_document_names_every_notice() -> None:
    text = Path(DOCUMENT).read_text(encoding="utf-8")

    assert [kind for kind in NoticeKind if f"`{kind}`" not in text] == []
