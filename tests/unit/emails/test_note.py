"""Our note: what it says, to whom, in which language; safe whatever a sender chose."""

import re
from dataclasses import replace
from typing import Any

import pytest

from emails.edges import note
from emails.mime.plans import Note
from emails.rules.notes import NotePlan, Replies, plan_note
from emails.rules.warnings import MailWarning
from emails.values.facts import FoundMask, NotePlace, Verdict
from tests.unit.emails.builders import MASK as X7K2
from tests.unit.emails.builders import NOW, OWNER, a_mail

LANGUAGES = ["en", "fr", "de", "es"]
MASK = "x7k2@masks.example"
PLAN = note.sample_plan(MASK, "en", NotePlace.BOTTOM)
FROM = {"From": "Bob <bob@sender.example>"}


def written(plan: NotePlan = PLAN, trackers: Any = None, renamed: Any = (), **changes: Any) -> Note:
    made = note.forward_note(
        replace(plan, **changes), NOW, trackers or {}, renamed, secret=b"a secret"
    )
    assert made is not None
    return made


def in_all_languages(**arguments: Any) -> list[Note]:
    plans = (note.sample_plan(MASK, language, NotePlace.BOTTOM) for language in LANGUAGES)
    return [written(plan, **arguments) for plan in plans]


@pytest.mark.parametrize("replies", list(Replies))
def test_notes_differ_in_every_language_and_count_the_trackers(replies: Replies) -> None:
    notes = in_all_languages(trackers={"t.example": 2}, replies=replies)

    for part in ("text", "html"):
        words = [getattr(one, part) for one in notes]
        assert len({one.partition("http")[0] for one in words}) == len(LANGUAGES)
        assert all("t.example (2)" in one and MASK in one for one in words)
    for language, made in zip(LANGUAGES, notes, strict=True):
        assert f'lang="{language}" dir="ltr"' in made.html


def test_a_mail_without_trackers_says_nothing_of_them() -> None:
    assert "tracker" not in written().text + written().html


def test_of_many_trackers_the_most_frequent_are_named() -> None:
    trackers = {f"{number}.example": number for number in range(1, 9)}

    assert "36 trackers were removed: 8.example (8), 7.example (7), 6.example (6), …" in (
        written(trackers=trackers).text
    )


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ({"is_premium": True}, "Your reply will be sent from it, too."),
        ({"is_premium": True, "has_replied": True}, "Your reply will be sent from it, too."),
        ({"is_premium": False}, "You can reply from it once; after that, replies need premium."),
        (
            {"is_premium": False, "has_replied": True},
            "Without premium, a reply would not be sent.",
        ),
    ],
)
def test_owners_are_told_the_truth_about_replies(owner: dict[str, Any], expected: str) -> None:
    plan = plan_note(a_mail(FROM), FoundMask(X7K2, replace(OWNER, **owner)))

    assert expected in written(plan).text
    assert expected in written(plan).html


@pytest.mark.parametrize("warning", list(MailWarning))
def test_every_warning_is_told_first_and_in_every_language(warning: MailWarning) -> None:
    notes = in_all_languages(warnings=(warning,))

    first = [one.text.splitlines()[0] for one in notes]
    assert len(set(first)) == len(LANGUAGES)
    assert all(re.sub("<[^>]*>", "", one.html.partition("</b>")[0]) for one in notes)
    assert all(not line.startswith("For") and MASK not in line for line in first)


@pytest.mark.parametrize("place", list(NotePlace))
@pytest.mark.parametrize("warned", [True, False])
def test_a_warning_is_on_top_and_nothing_else_is_where_its_owner_does_not_want_it(
    place: NotePlace, warned: bool
) -> None:
    mail = a_mail(FROM, dmarc=Verdict.FAIL if warned else Verdict.PASS)

    plan = plan_note(mail, FoundMask(X7K2, replace(OWNER, note_place=place)))

    assert plan.is_on_top is (warned or place is NotePlace.TOP)
    assert plan.says_all is (place is not NotePlace.NONE)
    assert bool(plan.warnings) is warned


def test_an_owner_who_wants_no_note_reads_of_warnings_and_renamed_files_only() -> None:
    silent = replace(PLAN, says_all=False)

    assert note.forward_note(silent, NOW, {"t.example": 1}, secret=b"x") is None
    warned = written(silent, trackers={"t.example": 1}, warnings=(MailWarning.SPAM,))
    renamed = written(silent, renamed=["a.exe"])
    assert warned.text == "Warning: this mail looks like spam."
    assert renamed.text.splitlines()[1:] == ["a.exe"]
    for made in (warned, renamed):
        assert MASK not in made.text + made.html
        assert "http" not in made.text + made.html


def test_html_has_a_link_for_each_action_and_text_one_for_both() -> None:
    url = re.compile(r"https://relay\.example/emails/note/(off|block)/([\w-]+)/")
    both, one = written(), written(sender=None)

    assert [found[1] for found in url.finditer(both.html)] == ["off", "block"]
    assert [found[1] for found in url.finditer(one.html)] == ["off"]
    for made, words in ((both, "Turn this mask off, or block this sender: "), (one, "mask off: ")):
        (found,) = url.finditer(made.text)
        assert words + found[0] in made.text
        assert found[0] in made.html
    assert len({found[2] for found in url.finditer(both.html)}) == 1


def test_no_address_is_in_a_link() -> None:
    for address in ("sender", MASK, "x7k2"):
        assert not re.search(rf"http\S*{address}[@/]", written().text)


def test_the_note_says_in_every_language_which_attachments_were_renamed() -> None:
    notes = in_all_languages(renamed=["server.crt", "a.js"])

    for made in notes:
        for one in (made.text, re.sub("<[^>]*>", "", made.html)):
            assert ".renamed" in one
            assert "server.crt" in one
            assert "a.js" in one
    assert len({one.text.splitlines()[2] for one in notes}) == len(LANGUAGES)
    assert "renamed" not in written().text


def test_the_senders_file_names_are_short_safe_and_few_in_the_note() -> None:
    names = ["<b>&\n.crt", "x" * 500 + ".crt", *(f"{number}.crt" for number in range(10))]

    made = written(renamed=names)

    assert "<b>&" not in made.html
    assert "<b>& .crt" in made.text
    assert max(map(len, made.text.splitlines()[3:])) == 60
    assert "x.crt" in made.text
    assert "(+7)" in made.text
    assert "(+7)" in made.html


def test_html_is_escaped_and_text_is_not() -> None:
    mask = replace(PLAN.mask, address="<b>&@masks.example")

    made = written(mask=mask)

    assert "<b>&" not in made.html
    assert "<b>&@masks.example" in made.text


def test_each_text_of_a_note_has_a_style_that_outranks_the_mails() -> None:
    html = written(warnings=(MailWarning.SPAM,), renamed=["a.crt"]).html

    tags = re.findall("<(?!/|br)[^>]*>", html)
    assert len(tags) == 5
    assert all("all:initial!important" in tag or "all:unset!important" in tag for tag in tags)


def test_no_line_of_a_note_is_too_long_to_be_sent_as_it_is() -> None:
    """Or the whole text would have to be encoded."""
    html = written(
        warnings=tuple(MailWarning), trackers={"t.example": 2}, renamed=["x" * 60 + ".crt"] * 9
    ).html

    assert max(map(len, html.splitlines())) < 900
