"""What owners read: in their language, and safe whatever a mask is called."""

from emails.edges import render

LANGUAGES = ["en", "fr", "de", "es"]


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
