"""Renders our note on a forwarded mail, in the owner's language. No database.

Languages without a translation fall back to English.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache, partial
from html import escape

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy, ngettext

from emails.edges.note_links import make_link_token
from emails.edges.note_style import STYLES
from emails.mime.blocked_names import SUFFIX
from emails.mime.plans import Note, NoteWording
from emails.rules.notes import NotePlan, Replies
from emails.rules.sender_blocks import Sender, SenderKind
from emails.rules.warnings import MailWarning
from emails.values.facts import Block, MaskFacts, MaskKind, MaskRef, NotePlace, OwnerFacts

_MAX_NAMES, _MAX_NAME = 5, 60
"""How many of the sender's file names the note shows, and how much of each."""

_MAX_TRACKERS = 3
"""How many domains of trackers it names: those with the most."""

SENTENCES = {
    Replies.SENT: gettext_lazy(
        "Forwarded from your mask %(mask)s. Your reply will be sent from it, too."
    ),
    Replies.ONE_IS_FREE: gettext_lazy(
        "Forwarded from your mask %(mask)s. You can reply from it once; after that, replies need "
        "premium."
    ),
    Replies.NEED_PREMIUM: gettext_lazy(
        "Forwarded from your mask %(mask)s. Without premium, a reply would not be sent."
    ),
}
WARNINGS = {
    MailWarning.FAILS_DMARC: gettext_lazy(
        "Warning: this mail is probably forged. The domain that it names as its sender did not "
        "send it."
    ),
    MailWarning.NO_SINGLE_AUTHOR: gettext_lazy(
        "Warning: this mail does not name exactly one author, so nobody can vouch for it."
    ),
    MailWarning.NOT_AUTHENTICATED: gettext_lazy(
        "Warning: nothing proves that this mail comes from the sender it names."
    ),
    MailWarning.NAMED_LIKE_ANOTHER: gettext_lazy(
        "Warning: the sender's name looks like somebody else's address."
    ),
    MailWarning.SPAM: gettext_lazy("Warning: this mail looks like spam."),
}
LINKS = {
    "off": gettext_lazy("Turn this mask off"),
    "block": gettext_lazy("Block this sender"),
}
"""The actions that the note offers, in its order: the names of their pages."""

_BOTH_LINKS = gettext_lazy("Turn this mask off, or block this sender")
"""In plain text, URLs take much room. One is enough: its page leads to the other."""

PLACEHOLDER = "\ue000"
"""Stands for the mask, and for numbers in a `NoteWording`."""

_TOKEN, _TRACKERS = "\ue001", "\ue002"
"""Stand for the links' token and the names of trackers while a note is rendered."""

_FORMER_FOOTERS = {
    "en": (f"Forwarded from your mask {PLACEHOLDER}. Your answer goes out from it, too.",),
}
"""How the sentence read before: such mails are still being answered."""


def forward_note(
    plan: NotePlan,
    now: datetime,
    trackers_removed: Mapping[str, int],
    renamed: Sequence[str] = (),
    *,
    secret: bytes,
) -> Note | None:
    """Make the note of a mail. None: it has nothing to say.

    `trackers_removed` maps domains to how many of their trackers were removed; `renamed` are the
    names of the attachments that were renamed. The sender chose those, so they are shortened.
    """
    if not (plan.says_all or plan.warnings or renamed):
        return None
    form = _form(
        plan.owner.language,
        plan.replies if plan.says_all else None,
        plan.warnings,
        sum(trackers_removed.values()),
        settings.SITE_ORIGIN,
        has_sender=plan.sender is not None,
        renamed=tuple(map(shortened, renamed[:_MAX_NAMES])),
        renamed_count=len(renamed),
    )
    token = make_link_token(plan.owner, plan.mask.ref, plan.sender, now, secret)
    names = _names_of(trackers_removed)
    return replace(
        form,
        text=_filled(form.text, plan.mask.address, token, names),
        html=_filled(form.html, escape(plan.mask.address), token, escape(names)),
    )


@lru_cache(maxsize=256)
def _form(
    language: str,
    replies: Replies | None,
    warnings: tuple[MailWarning, ...],
    trackers: int,
    origin: str,
    *,
    has_sender: bool,
    renamed: tuple[str, ...],
    renamed_count: int,
) -> Note:
    """Render a note with placeholders: mails have few different ones, and templates take long."""
    with translation.override(language):
        actions = [name for name in LINKS if has_sender or name != "block"]
        links = [(str(LINKS[name]), _url(name, _TOKEN, origin)) for name in actions]
        context = {
            "language": translation.get_language() or "en",
            "style": STYLES[bool(warnings)],
            "warnings": [WARNINGS[warning] for warning in warnings],
            "sentence": _sentence(replies, PLACEHOLDER) if replies else "",
            "trackers": f"{_tracker_count(trackers)} {_TRACKERS}" if trackers else "",
            "links": links,
            "text_link": str(_BOTH_LINKS) if has_sender else str(LINKS["off"]),
            "renamed": _renamed(renamed_count) if renamed else "",
            "names": renamed,
            "more_names": renamed_count - len(renamed),
        }
        return Note(
            text=render_to_string("emails/note/note.txt", context).strip("\n"),
            html=render_to_string("emails/note/note.html", context).strip("\n"),
            must_be_seen=bool(warnings or renamed),
        )


def _filled(form: str, mask: str, token: str, trackers: str) -> str:
    return form.replace(_TOKEN, token).replace(_TRACKERS, trackers).replace(PLACEHOLDER, mask)


def sample_plan(
    mask: str, language: str, place: NotePlace, warnings: tuple[MailWarning, ...] = ()
) -> NotePlan:
    """Make the plan of a note to look at, whose links lead nowhere."""
    return NotePlan(
        mask=MaskFacts(MaskRef(MaskKind.RANDOM, 1), mask, Block.NONE, label=""),
        owner=_SAMPLE_OWNER(language=language, note_place=place),
        is_on_top=bool(warnings) or place is NotePlace.TOP,
        says_all=place is not NotePlace.NONE,
        replies=Replies.SENT,
        warnings=warnings,
        sender=Sender(SenderKind.ADDRESS, "sender@sender.example"),
    )


_SAMPLE_OWNER = partial(
    OwnerFacts,
    id=1,
    address="",
    is_active=True,
    is_premium=True,
    blocks_spam=False,
    removes_trackers=True,
    allows_metrics=False,
    has_replied=False,
    flagged_at=None,
)


def _sentence(replies: Replies, mask: str) -> str:
    return str(SENTENCES[replies]) % {"mask": mask}


def _names_of(removed: Mapping[str, int]) -> str:
    """Say whose trackers were removed."""
    most = sorted(removed.items(), key=lambda item: (-item[1], item[0]))
    names = ", ".join(f"{domain} ({count})" for domain, count in most[:_MAX_TRACKERS])
    more = ", …" if len(most) > _MAX_TRACKERS else ""
    return names + more


def _tracker_count(number: int) -> str:
    return ngettext(
        "%(counter)s tracker was removed:", "%(counter)s trackers were removed:", number
    ) % {"counter": number}


def block_url(plan: NotePlan, now: datetime, *, secret: bytes) -> str:
    """Return the URL that blocks the mail's sender; empty: it has no one sender."""
    if plan.sender is None:
        return ""
    token = make_link_token(plan.owner, plan.mask.ref, plan.sender, now, secret)
    return _url("block", token, settings.SITE_ORIGIN)


def _url(action: str, token: str, origin: str) -> str:
    return f"{origin.rstrip('/')}/emails/note/{action}/{token}/"


def _renamed(number: int) -> str:
    return ngettext(
        "Our mail service refuses files of this kind, so we renamed one. Only if you trust the "
        "sender, remove “%(suffix)s” from its name to open it:",
        "Our mail service refuses files of these kinds, so we renamed some. Only if you trust the "
        "sender, remove “%(suffix)s” from their names to open them:",
        number,
    ) % {"suffix": SUFFIX}


def shortened(name: str) -> str:
    """Shorten a file name in the middle, so that its extension is seen, and keep it in one line."""
    text = "".join(letter if letter.isprintable() else " " for letter in name)
    half = _MAX_NAME // 2
    return text if len(text) <= _MAX_NAME else f"{text[:half]}…{text[1 - half :]}"


def note_wordings(mask: str, languages: Iterable[str]) -> tuple[NoteWording, ...]:
    """Return how the note of a mail forwarded from `mask` reads, in each of the languages."""
    return tuple(_filled_in(_wording(language), mask) for language in languages)


@cache
def _wording(language: str) -> NoteWording:
    with translation.override(language):
        return NoteWording(
            mask=PLACEHOLDER,
            # The note had a header once, and mails that have it are still being answered.
            header=gettext("Sent to your mask %(mask)s") % {"mask": PLACEHOLDER},
            footers=(
                *(_sentence(replies, PLACEHOLDER) for replies in Replies),
                *_FORMER_FOOTERS.get(language, ()),
            ),
            trackers=tuple(
                _tracker_count(number).replace(str(number), PLACEHOLDER) for number in (1, 2)
            ),
            renamed=(_renamed(1), _renamed(2)),
            warnings=tuple(map(str, WARNINGS.values())),
            links=(str(_BOTH_LINKS), *map(str, LINKS.values())),
        )


def _filled_in(wording: NoteWording, mask: str) -> NoteWording:
    return replace(
        wording,
        mask=mask,
        header=wording.header.replace(PLACEHOLDER, mask),
        footers=tuple(footer.replace(PLACEHOLDER, mask) for footer in wording.footers),
    )
