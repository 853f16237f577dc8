"""Rewrites an owner's reply into the mail that goes to the correspondent, from the mask.

Nothing may lead to the owner: the top header is built anew, and the real address is replaced in
the subject, in every text (plain, HTML, calendar), in part headers, and in attached mails. Files
that were attached are carried as they are.
"""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message
from email.utils import format_datetime

from emails.mime.disguise import Disguise, disguise
from emails.mime.encoding import set_text, text_of
from emails.mime.forward import clean, keep_content, written
from emails.mime.headers import shown, unstructured
from emails.mime.plans import ReplyPlan, Rewritten

_MAX_SUBJECT = 900
_LINKED = frozenset({"text/calendar", "text/html", "text/plain", "text/enriched", "text/vcard"})
_STRUCTURAL = frozenset({"content-type", "content-transfer-encoding", "mime-version"})


def rewrite_reply(raw: bytes, plan: ReplyPlan) -> Rewritten:
    """Make the mail that goes to the correspondent."""
    original = message_from_bytes(raw, policy=policy.compat32)
    hide = disguise(plan.owner_addresses, plan.mask)
    top = list(_headers(original, plan, hide))
    content = keep_content(original)
    for part in content.walk():
        _hide_in_headers(part, hide)
        _hide_in_text(part, hide)
    clean(content)
    return Rewritten(raw=written(top, content), trackers_removed={})


def _headers(original: Message, plan: ReplyPlan, hide: Disguise) -> Iterator[tuple[str, str]]:
    yield "From", plan.mask
    yield "To", plan.correspondent
    yield "Subject", unstructured(hide(shown(original, "Subject"))[:_MAX_SUBJECT])
    yield "Date", format_datetime(plan.now)
    if plan.message_id_in_thread:
        yield "In-Reply-To", plan.message_id_in_thread
    references = list(plan.references)
    if plan.message_id_in_thread and plan.message_id_in_thread not in references:
        references.append(plan.message_id_in_thread)
    if references:
        yield "References", "\r\n ".join(references)
    yield "MIME-Version", "1.0"


def _hide_in_headers(part: Message, hide: Disguise) -> None:
    """Hide the address in the headers of parts and of attached mails, encoded words too."""
    for name in dict.fromkeys(part.keys()):
        if name.lower() in _STRUCTURAL:
            plain = str(part[name])
            if hide(plain) != plain:
                part.replace_header(name, hide(plain))
            continue
        values = [str(value) for value in part.get_all(name, [])]
        hidden = [_hidden_header(value, hide) for value in values]
        if hidden != values:
            del part[name]
            for value in hidden:
                part[name] = value


def _hidden_header(value: str, hide: Disguise) -> str:
    readable = Message()
    readable["x"] = value
    decoded = shown(readable, "x")
    if hide(decoded) == decoded:
        return hide(value)
    return unstructured(hide(decoded)).replace("\r\n", "\n")


def _hide_in_text(part: Message, hide: Disguise) -> None:
    if part.is_multipart() or part.get_content_type() not in _LINKED or _is_file(part):
        return
    text = text_of(part)
    hidden = hide(text)
    if hidden != text:
        set_text(part, hidden, part.get_content_subtype())


def _is_file(part: Message) -> bool:
    disposition = str(part.get("Content-Disposition", "")).strip().lower()
    return disposition.startswith("attachment") and part.get_content_type() != "text/calendar"
