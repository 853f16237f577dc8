"""The picture of our note: what a mail's HTML does to it, and how it follows the mail's looks."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from playwright.sync_api import Browser

from emails.edges.note import forward_note, sample_plan
from emails.mime.html import scan
from emails.mime.note_in_html import note_edit
from emails.rules.warnings import MailWarning
from emails.values.facts import NotePlace
from tools.local.aws import MASK_DOMAIN
from tools.pictures.sheet import side_by_side

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

_MASK = f"x7k2@{MASK_DOMAIN}"
_SIZE: "ViewportSize" = {"width": 330, "height": 240}
_DARK = (
    "<meta name=color-scheme content='light dark'><style>@media (prefers-color-scheme:dark)"
    "{body{background:#111;color:#eee}}</style><h2>Supports dark</h2><p>Text</p>"
)
_MAILS = (
    "<p>Hello <a href='https://e.example/' style='font-size:40px;color:red'>click here<b><i>",
    "<html dir=rtl lang=ar><p>مرحبا، شكرا لطلبك. سنرسل الشحنة غدا.</p></html>",
    _DARK,
)
_FORGED = (
    "<style>body{display:flex}</style><div><h2>Welcome</h2><p>Your account is ready.</p></div>"
)


def draw(browser: Browser) -> bytes:
    """Draw it; returns a PNG."""
    shots = [_shot(browser, _with_note(html), is_dark=html is _DARK) for html in _MAILS]
    shots.append(_shot(browser, _with_note(_FORGED, (MailWarning.FAILS_DMARC,)), is_dark=False))
    return side_by_side(browser, [[one] for one in shots])


def _shot(browser: Browser, html: str, *, is_dark: bool) -> bytes:
    page = browser.new_page(viewport=_SIZE)
    page.emulate_media(color_scheme="dark" if is_dark else "light")
    page.set_content(html)
    picture = page.screenshot()
    page.close()
    return picture


def _with_note(html: str, warnings: tuple[MailWarning, ...] = ()) -> str:
    plan = sample_plan(_MASK, "en", NotePlace.BOTTOM, warnings)
    note = forward_note(plan, datetime.now(UTC), {}, secret=b"for a picture only")
    if note is None:
        raise LookupError("there is no note")
    scanned = scan(html, frozenset(), "")
    return scanned.rewritten(note_edit(scanned, note.html, at_top=bool(warnings)))
