"""Rewrites a mail that came to a mask into the mail that goes to the mask's owner.

The mail is parsed once, by the standard library's parser, which accepts anything; its top header
is built anew, the note is put around what its reader sees, and what SES would not take is encoded
again. https://docs.aws.amazon.com/ses/latest/dg/send-email-raw.html
"""

import re
from collections.abc import Iterable
from email import message_from_bytes, policy
from email.generator import BytesGenerator
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from io import BytesIO

from emails.mime.body import MAX_DEPTH, is_sealed, put_note
from emails.mime.encoding import make_clean
from emails.mime.headers import forward_headers
from emails.mime.plans import ForwardPlan, Note, Rewritten

_POLICY = policy.compat32.clone(linesep="\r\n", max_line_length=0)
_CONTENT_HEADERS = (
    *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"),
    *("Content-Description", "Content-Language", "Content-Location"),
)
_NOT_A_FOLD = re.compile(r"\r\n(?![ \t])|\r(?!\n)|(?<!\r)\n|\0")
_NOT_ASCII = re.compile(r"[^\x20-\x7e\t\r\n]")


def rewrite_forward(raw: bytes, plan: ForwardPlan) -> Rewritten:
    """Make the mail that goes to the owner."""
    original = message_from_bytes(raw, policy=policy.compat32)
    issues = sorted({type(defect).__name__ for defect in _defects(original)})
    top = list(forward_headers(original, plan))
    content = keep_content(original)
    note = plan.make_note({})
    if is_sealed(content) or not put_note(content, note):
        content = _beside(note, content)
    clean(content)
    return Rewritten(raw=written(top, content), trackers_removed={}, issues=tuple(issues))


def _defects(mail: Message) -> list[Exception]:
    return [defect for part in mail.walk() for defect in part.defects]


def keep_content(original: Message) -> Message:
    """Keep of the top header what describes the content, each once; the rest is built anew."""
    kept = [(name, original[name]) for name in _CONTENT_HEADERS if name in original]
    for name in set(original.keys()):
        del original[name]
    for name, value in kept:
        original[name] = value
    return original


def _beside(note: Note, content: Message) -> Message:
    """Put the note into a part of its own, and leave the content as it is."""
    mixed = MIMEMultipart("mixed")
    del mixed["MIME-Version"]
    mixed.attach(MIMEText(f"{note.text_header}\n\n{note.text_footer}\n", "plain", "utf-8"))
    mixed.attach(content)
    return mixed


def clean(part: Message, depth: int = 0) -> None:
    """Make a part, and all within it, 7-bit clean."""
    _clean_headers(part)
    children = part.get_payload()
    if not isinstance(children, list):
        if part.get_content_maintype() in ("multipart", "message"):
            # A broken multipart that has no parts, or a mail that is none: shown as it stands.
            part.set_type("text/plain")
        make_clean(part)
        return
    part.preamble = part.epilogue = None
    if "Content-Transfer-Encoding" in part:
        part.replace_header("Content-Transfer-Encoding", "7bit")
    for child in children:
        if depth < MAX_DEPTH and isinstance(child, Message):
            clean(child, depth + 1)


def _clean_headers(part: Message) -> None:
    for name in set(part.keys()):
        if _NOT_ASCII.search(str(part[name])):
            value = str(part[name]).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            del part[name]
            part[name] = _NOT_ASCII.sub("?", value)


def written(top: Iterable[tuple[str, str]], content: Message) -> bytes:
    """Write the mail: the top header, then the content with what describes it.

    No value can bring a header of its own: a line break that is not a fold becomes a space.
    """
    head = "".join(f"{name}: {_NOT_A_FOLD.sub(' ', value)}\r\n" for name, value in top)
    target = BytesIO()
    BytesGenerator(target, mangle_from_=False, policy=_POLICY).flatten(content)
    return head.encode("ascii", "replace") + target.getvalue()
