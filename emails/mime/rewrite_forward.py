"""Rewrites a mail sent to a mask into the mail to forward to the mask's owner.

Builds a new top header, adds the note to the visible text, removes trackers, makes invitations
answerable, and encodes or renames whatever SES would not accept. The rest stays as it is.
https://docs.aws.amazon.com/ses/latest/dg/send-email-raw.html
"""

from emails.mime import encoding
from emails.mime.assemble import MailChanges
from emails.mime.blocked_names import BlockedNames
from emails.mime.invitations import make_answerable
from emails.mime.issues import Issue
from emails.mime.place_note import VisibleTexts
from emails.mime.plans import ForwardPlan, Rewritten
from emails.mime.repair import repair
from emails.mime.structure import split
from emails.mime.top_header import forward_headers
from emails.values.errors import Unsendable, UnsendableReason
from emails.values.ses_limits import MAX_MAIL_BYTES


def rewrite_forward(raw: bytes, plan: ForwardPlan) -> Rewritten:
    """Write the mail to the owner. Raises `Refused` if an address in the plan is unusable.

    Raises `Unsendable` if SES would refuse the mail however we write it. Otherwise no mail makes it
    raise anything: defects are listed in `issues`.
    """
    for has_note, saves_space in _WAYS:
        rewritten = _rewrite(raw, plan, has_note=has_note, saves_space=saves_space)
        if len(rewritten.raw) <= MAX_MAIL_BYTES:
            return rewritten
    raise Unsendable(UnsendableReason.TOO_LARGE)


_WAYS = ((True, False), (True, True), (False, True))
"""With our note or without it, fast or small: the first that SES accepts. Nearly always that's the
first; the others are for mails of almost 40 MB."""


def _rewrite(raw: bytes, plan: ForwardPlan, *, has_note: bool, saves_space: bool) -> Rewritten:
    issues: set[Issue] = set()
    mail = split(raw)
    if mail.is_cut:
        issues.add(Issue.TOO_MANY_PARTS)
    top = forward_headers(mail, plan, issues)
    changes = MailChanges(raw, mail)
    names = BlockedNames(changes, issues)
    texts = VisibleTexts(changes, plan, issues)
    note = plan.make_note(texts.removed, names.found)
    if note is not None and not has_note:
        note = None
        issues.add(Issue.NOTE_LEFT_OUT)
    texts.write(note)
    make_answerable(changes, plan, issues)
    is_all_clean = encoding.is_clean(raw, mail.body, mail.end)
    repair(changes, issues, is_all_clean=is_all_clean, saves_space=saves_space)
    names.write()
    content = texts.content(note, sanitize=not is_all_clean)
    return Rewritten(
        raw=b"".join([top, *content]),
        trackers_removed=dict(texts.removed),
        issues=tuple(sorted(issues)),
    )
