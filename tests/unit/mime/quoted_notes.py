"""Our note as mails have it, and as mail programs quote it."""

import html
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace

from emails.edges.note import forward_note, note_wordings, sample_plan
from emails.mime.plans import Note
from emails.mime.quoted_note import note_remover
from emails.rules.notes import Replies
from emails.rules.warnings import MailWarning
from emails.values.facts import NotePlace
from tests.unit.mime.builders import MASK, NOW

LANGUAGES = ("en", "de", "es", "fr")
WORDINGS = note_wordings(MASK, LANGUAGES)
TRACKERS = {"doubleclick.net": 2, "t.yesware.com": 1}
RENAMED = ["server.crt", "very long name of a program.exe"]
BODY = "Good morning.\n\nSee you at a.example (1), -- Bob"
remove = note_remover(WORDINGS)


@dataclass(frozen=True)
class Written:
    """A mail's note as it was written above and below the mail, as text and as HTML."""

    above: str = ""
    below: str = ""
    html_above: str = ""
    html_below: str = ""


def a_note(language: str, warnings: tuple[MailWarning, ...], replies: Replies) -> Note:
    plan = replace(sample_plan(MASK, language, NotePlace.BOTTOM, warnings), replies=replies)
    note = forward_note(plan, NOW, TRACKERS, RENAMED, secret=b"x")
    assert note is not None
    return note


def former(language: str) -> Written:
    """The note of mails that were forwarded by an older version: a header and a footer."""
    wording = next(one for one in WORDINGS if one.footers[0] == FORMER[language])
    lines = [wording.trackers[1].replace("\ue000", "3"), "doubleclick.net (2)", "t.yesware.com (1)"]
    names = [wording.renamed[1], *RENAMED]
    listed = f"{lines[0]} {', '.join(lines[1:])}"
    box = '<div style="margin:16px 0 0;padding:8px 12px">'
    return Written(
        above=f"{wording.header}\n\n",
        below="\n\n-- \n" + "\n".join([wording.footers[0], *lines, *names]) + "\n",
        html_above=f"{box}{wording.header}</div>",
        html_below=f"{box}{wording.footers[0]}<br>{listed}</div>"
        f"{box}{names[0]} {', '.join(names[1:])}</div>\n",
    )


FORMER = {
    "en": f"Forwarded from your mask {MASK}. Your reply will be sent from it, too.",
    "de": f"Weitergeleitet von Ihrer Maske {MASK}. Auch Ihre Antwort geht von ihr aus.",
    "es": f"Reenviado desde su máscara {MASK}. Su respuesta también saldrá de ella.",
    "fr": f"Transféré depuis votre masque {MASK}. Votre réponse partira aussi de ce masque.",
}


def note_below(language: str) -> Written:
    note = a_note(language, (), Replies.SENT)
    return Written(below=f"\n\n-- \n{note.text}\n", html_below=f"<div>{note.html}</div>")


def note_above(language: str) -> Written:
    note = a_note(language, (), Replies.ONE_IS_FREE)
    return Written(above=f"{note.text}\n\n", html_above=f"<div>{note.html}</div>")


def with_warnings(language: str) -> Written:
    warnings = (MailWarning.FAILS_DMARC, MailWarning.SPAM)
    note = a_note(language, warnings, Replies.NEED_PREMIUM)
    return Written(above=f"{note.text}\n\n", html_above=f"<div>{note.html}</div>")


KINDS: dict[str, Callable[[str], Written]] = {
    "below": note_below,
    "above": note_above,
    "with warnings": with_warnings,
    "an older version's": former,
}


def forwarded_text(note: Written) -> str:
    """As `place_note.py` writes it."""
    return f"{note.above}{BODY}{note.below}"


def as_html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def quoted(text: str, signs: str = "> ") -> str:
    return "".join(f"{signs}{line}".rstrip(" ") + "\n" for line in text.splitlines())


def rewrapped(text: str, width: int) -> str:
    lines = (
        textwrap.wrap(line, width, break_long_words=False) or [""] for line in text.split("\n")
    )
    return "\n".join(line for several in lines for line in several)
