"""What owners read: in their language, and safe whatever a mask is called."""

from email import message_from_bytes, policy

import pytest

from emails.edges import render
from emails.rules.notice_kinds import NoticeKind
from tests.unit.emails.builders import NOW

LANGUAGES = ["en", "fr", "de", "es"]


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_notices_differ_in_every_language(kind: NoticeKind) -> None:
    written = [render.notice(kind, "x7k2@masks.example", language) for language in LANGUAGES]

    for part in ("subject", "text", "html"):
        assert len({getattr(one, part) for one in written}) == len(LANGUAGES)
    assert all("x7k2@masks.example" in one.text for one in written)
    assert all("https://relay.example" in one.html for one in written)


@pytest.mark.parametrize("language", ["xx", "en-GB", ""])
def test_an_unknown_language_is_english(language: str) -> None:
    kind = NoticeKind.FIRST_REPLY

    assert render.notice(kind, "m", language).subject == render.notice(kind, "m", "en").subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_a_notice_is_a_mail_that_no_machine_answers(kind: NoticeKind, language: str) -> None:
    raw = render.notice_mail(kind, "x7k2@masks.example", "ann@owner.example", language, NOW)

    mail = message_from_bytes(raw, policy=policy.default)
    assert raw.isascii()
    assert (mail["From"], mail["To"]) == ("relay@masks.example", "ann@owner.example")
    assert (mail["Auto-Submitted"], mail["X-Mail-Relay-Loop"]) == ("auto-generated", "notice")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert all(len(line) < 998 for line in raw.splitlines())


def test_notes_differ_in_every_language_and_count_the_trackers() -> None:
    notes = [
        render.forward_note("x7k2@masks.example", language, {"t.example": 2})
        for language in LANGUAGES
    ]

    assert len({note.text_header for note in notes}) == len(LANGUAGES)
    assert len({note.html_footer for note in notes}) == len(LANGUAGES)
    assert all("t.example (2)" in note.text_footer for note in notes)


def test_a_mail_without_trackers_says_nothing_of_them() -> None:
    note = render.forward_note("x7k2@masks.example", "en", {})

    assert "tracker" not in note.text_footer + note.html_footer


def test_the_note_says_in_every_language_which_attachments_were_renamed() -> None:
    notes = [
        render.forward_note("m@masks.example", language, {}, ["server.crt", "a.js"])
        for language in LANGUAGES
    ]

    for part in ("text_footer", "html_footer"):
        written = [getattr(note, part) for note in notes]
        assert len(set(written)) == len(LANGUAGES)
        assert all(
            f" {file}" in one.replace("\n", " ")
            for one in written
            for file in ("server.crt", "a.js")
        )
        assert all(".renamed" in one and "m@masks.example" in one for one in written)
    assert len({note.text_footer.splitlines()[2] for note in notes}) == len(LANGUAGES)
    assert "renamed" not in render.forward_note("m@masks.example", "en", {}).text_footer


def test_the_senders_file_names_are_short_safe_and_few_in_the_note() -> None:
    names = ["<b>&\n.crt", "x" * 500 + ".crt", *(f"{number}.crt" for number in range(10))]

    note = render.forward_note("m@masks.example", "en", {}, names)

    assert "<b>" not in note.html_footer
    assert "<b>& .crt" in note.text_footer
    assert max(map(len, note.text_footer.splitlines()[3:])) == 60
    assert "x.crt" in note.text_footer
    assert "(+7)" in note.text_footer
    assert "(+7)" in note.html_footer


def test_html_is_escaped_and_text_is_not() -> None:
    note = render.forward_note("<b>&@masks.example", "en", {})

    assert "<b>" not in note.html_header
    assert "<b>&@masks.example" in note.text_header
