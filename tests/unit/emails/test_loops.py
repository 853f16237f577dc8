"""Which mails have gone round, and which are counted because they may have. Lesson 51."""

from typing import Any

import pytest

from emails.rules.loops import (
    MAX_ANSWERS_PER_HOUR,
    MAX_MARKS,
    MAX_OWN_MAILS_PER_HOUR,
    is_loop,
    limit_of,
    mark_of,
    marks_in,
)
from emails.rules.mail_kind import MAX_RECEIVED
from emails.values.facts import Header, MailFacts
from tests.unit.emails.builders import a_creatable_mask, a_found_mask, a_mail

SECRET = b"a secret"
MASK, OTHER = "x7k2@masks.example", "b1@masks.example"
MARK, OTHERS = mark_of(MASK, SECRET), mark_of(OTHER, SECRET)
OWNER = "Ann <ann@owner.example>"
REPLIED, GENERATED = {"Auto-Submitted": "auto-replied"}, {"Auto-Submitted": "auto-generated"}
LIST = {"List-Id": "<talk.lists.example>", "Precedence": "list"}

# A mail's headers and envelope sender: is it a loop, and how many like it may come in an hour?
ROWS: dict[str, tuple[dict[str, str], str, bool, int | None]] = {
    "a person's mail": ({}, "bob@sender.example", False, None),
    "redirected back to its mask": ({"X-Mail-Relay-Loop": MARK}, "bob@sender.example", True, None),
    "through two masks": ({"x-mail-relay-loop": f"{OTHERS} {MARK}"}, "bob@s.example", True, None),
    "redirected to another mask": ({"X-Mail-Relay-Loop": OTHERS}, "bob@s.example", False, None),
    "a notice, redirected": (
        {"X-Mail-Relay-Loop": "notice", **GENERATED},
        "r@m.example",
        False,
        None,
    ),
    "sent by an older version": ({"X-Mail-Relay-Loop": "1"}, "bob@sender.example", True, None),
    "a forged mark": ({"X-Mail-Relay-Loop": "0" * 24}, "bob@sender.example", False, None),
    "the owner's responder": ({"From": OWNER, **REPLIED}, "<>", True, 2),
    "in another spelling": ({"From": "ANN+away@Owner.Example", **REPLIED}, "a@b.example", True, 2),
    "that says so otherwise": ({"From": OWNER, "X-Autoreply": "yes"}, "ann@owner.example", True, 2),
    "by precedence": ({"From": OWNER, "Precedence": "auto_reply"}, "ann@owner.example", True, 2),
    "by old precedence": ({"From": OWNER, "Precedence": "junk"}, "ann@owner.example", True, 10),
    "by no envelope sender": ({"From": OWNER}, "", True, 2),
    "by Exchange": ({"From": OWNER, **GENERATED}, "ann@owner.example", True, 10),
    "under another name": (
        {"From": "Away <away@owner.example>", **REPLIED},
        "ann@owner.example",
        True,
        2,
    ),
    "with the precedence of bulk only": (
        {"From": OWNER, "Precedence": "bulk"},
        "ann@owner.example",
        False,
        2,
    ),
    "unmarked": ({"From": OWNER}, "ann@owner.example", False, 10),
    "the owner's own mail": (
        {"From": OWNER, "Auto-Submitted": "no"},
        "ann@owner.example",
        False,
        10,
    ),
    "in the mask's name": ({"From": MASK, **GENERATED}, "x@y.example", True, 10),
    "the owner's mail through a list": ({"From": OWNER, **LIST}, "talk@lists.example", False, None),
    "a report through a list": (
        {"From": OWNER, **LIST, **GENERATED},
        "talk@lists.example",
        False,
        None,
    ),
    "somebody else's responder": ({"From": "Bob <bob@sender.example>", **REPLIED}, "<>", False, 2),
    "a delivery report": ({"From": "MAILER-DAEMON@sender.example"}, "<>", False, 2),
    "a receipt": ({"From": "shop@shop.example", **GENERATED}, "shop@shop.example", False, None),
    "a newsletter": (
        {"From": "n@shop.example", "List-Unsubscribe": "<https://a.example>", "Precedence": "bulk"},
        "n@shop.example",
        False,
        None,
    ),
    "a ticket's thread": (
        {"From": "t@shop.example", **GENERATED, "In-Reply-To": "<1@shop.example>"},
        "t@shop.example",
        False,
        None,
    ),
}


def the_mail(row: str) -> MailFacts:
    headers, source, *_ = ROWS[row]
    return a_mail(headers, source=source)


@pytest.mark.parametrize("row", ROWS)
def test_what_has_gone_round_and_what_is_counted(row: str) -> None:
    *_, expected, per_hour = ROWS[row]
    mail = the_mail(row)

    assert is_loop(mail, a_found_mask(), MARK, answers_us=False) is expected
    limit = limit_of(mail, a_found_mask())
    assert (limit.per_hour if limit else None) == per_hour


def test_the_limits_are_the_tables() -> None:
    assert (MAX_ANSWERS_PER_HOUR, MAX_OWN_MAILS_PER_HOUR) == (2, 10)


@pytest.mark.parametrize(
    ("headers", "expected"), [(REPLIED, True), (GENERATED, True), ({"Auto-Submitted": "no"}, False)]
)
def test_a_machine_that_answers_what_we_forwarded_makes_a_loop_wherever_it_is(
    headers: dict[str, str], expected: bool
) -> None:
    mail = a_mail({"From": "ann@work.example", **headers})

    assert is_loop(mail, a_found_mask(), MARK, answers_us=True) is expected


def test_a_domain_mask_that_a_mail_would_create_is_no_different() -> None:
    target = a_creatable_mask()
    own = mark_of("shop@ann.masks.example", SECRET)

    assert is_loop(a_mail({"X-Mail-Relay-Loop": own}), target, own, answers_us=False)
    assert is_loop(a_mail({"From": OWNER, **REPLIED}), target, own, answers_us=False)


def test_too_many_servers_or_masks_are_a_loop() -> None:
    hops = (Header("Received", "from a by b"),) * MAX_RECEIVED
    marks = [mark_of(f"{number}@masks.example", SECRET) for number in range(MAX_MARKS)]

    def judged(*headers: Header) -> bool:
        mail = MailFacts(a_mail().source, a_mail().verdicts, headers)
        return is_loop(mail, a_found_mask(), MARK, answers_us=False)

    assert [judged(*hops), judged(*hops, hops[0])] == [False, True]
    assert judged(Header("X-Mail-Relay-Loop", " ".join(marks)))
    assert not judged(Header("X-Mail-Relay-Loop", " ".join(marks[1:])))
    assert judged(*(Header("X-Mail-Relay-Loop", mark) for mark in marks))


def test_a_mark_names_its_mask_only_to_who_knows_the_secret() -> None:
    assert mark_of(MASK, SECRET) == MARK
    assert len({MARK, OTHERS, mark_of(MASK, b"another"), mark_of(MASK, SECRET * 20)}) == 4
    assert "x7k2" not in MARK


def test_only_marks_are_carried_on() -> None:
    mail = a_mail({"X-Mail-Relay-Loop": f"{MARK} <script> notice {OTHERS} {MARK} x@y.example 1"})

    assert marks_in(mail) == (MARK, OTHERS)


@pytest.mark.parametrize(
    "headers",
    [{"From": "x" * 10**6}, {"X-Mail-Relay-Loop": "a " * 10**6}, {"From": "<<>>,,@"}, {}],
    ids=["a long sender", "many words", "no sender", "nothing"],
)
def test_any_mail_is_judged(headers: dict[str, Any]) -> None:
    mail = a_mail(headers, source="\0@\ud800")

    assert is_loop(mail, a_found_mask(), MARK, answers_us=False) is False
    assert limit_of(mail, a_found_mask()) is None
