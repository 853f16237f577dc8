"""`docs/settings.md` is what the declarations say."""

from pathlib import Path

from relay.document import settings_page

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text() == settings_page(), "python -m relay.document > docs/settings.md"
