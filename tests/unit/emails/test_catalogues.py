"""Every text that owners read is translated."""

import gettext
import re
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.functional import Promise

from emails.edges.digest_mail import WHY_HELD
from emails.edges.note import LINKS, SENTENCES, WARNINGS
from emails.edges.notice_texts import SEVERAL, TEXTS
from emails.rules.notes import Replies
from emails.rules.warnings import MailWarning
from emails.values.outcomes import HeldReason

EMAILS = Path(__file__).parents[3] / "emails"
LANGUAGES = ["de", "es", "fr"]

_PLAIN = re.compile(r'(?:\btranslate|_\()\s*"([^"]+)"')
_BLOCK = re.compile(r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}", re.DOTALL)
_PLACEHOLDER = re.compile(r"%\(\w+\)s")
_VARIABLE = re.compile(r"{{ (\w+) }}")


def texts() -> list[str]:
    """The texts to translate in all templates; of one with a plural, the singular."""
    found = set()
    for path in (EMAILS / "templates").rglob("*.*"):
        template = path.read_text(encoding="utf-8")
        if path.name == "previews.html":
            continue
        found.update(_PLAIN.findall(template))
        singulars = (text.partition("{% plural %}")[0] for text in _BLOCK.findall(template))
        found.update(_VARIABLE.sub(r"%(\1)s", text) for text in singulars)
    return sorted(found | set(written_in_code()))


def written_in_code() -> list[str]:
    """The texts of the note that are in code, in English."""
    with translation.override("en"):
        return [str(one) for texts in (SENTENCES, WARNINGS, LINKS) for one in texts.values()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_a_template_is_translated_and_compiled(language: str) -> None:
    with (EMAILS / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    missing = [
        text
        for text in texts()
        if catalogue.gettext(text) == text and catalogue.ngettext(text, "", 1) in ("", text)
    ]

    assert len(texts()) > 50
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_notice_is_translated_and_keeps_its_placeholders(
    language: str,
) -> None:
    sentences: list[Promise] = [SEVERAL]
    for text in TEXTS.values():
        sentences += [text.subject, *text.paragraphs, *(text.whys or {}).values()]
    with translation.override("en"):
        english = list(map(str, sentences))
    with translation.override(language):
        written = list(map(str, sentences))

    assert len(english) > 50
    assert [text for text in english if text in written] == []
    assert list(map(_PLACEHOLDER.findall, written)) == list(map(_PLACEHOLDER.findall, english))


def test_every_reason_to_hold_a_mail_is_told_in_plain_words() -> None:
    assert WHY_HELD.keys() == set(HeldReason)


def test_every_warning_and_every_fate_of_a_reply_has_its_words() -> None:
    assert WARNINGS.keys() == set(MailWarning)
    assert SENTENCES.keys() == set(Replies)
