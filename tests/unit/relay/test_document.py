"""`docs/settings.md` is what the declarations say."""

from pathlib import Path

from relay.document import settings_page

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text() == settings_page(), "python -m relay.document > docs/settings.md"


def test_what_the_bridge_must_have_and_the_relay_need_not_is_told_for_each() -> None:
    rows = [row for row in settings_page().splitlines() if "`AWS_SQS_EMAIL_QUEUE_URL`" in row]

    told = [(row.split(" | ")[1], row.split(" | ")[-1]) for row in rows]
    assert told == [("bridge", "must be set |"), ("relay", "empty |")]
