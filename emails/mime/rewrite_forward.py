"""Rewrites a mail that came to a mask into the mail that goes to the mask's owner.

Its top header is built anew, the note is put around what its reader sees, trackers are taken out,
and what SES would not take is encoded again; all else is carried as it came.
https://docs.aws.amazon.com/ses/latest/dg/send-email-raw.html
"""

from emails.mime import encoding
from emails.mime.assemble import Changes
from emails.mime.issues import Issue
from emails.mime.place_note import VisibleTexts
from emails.mime.plans import ForwardPlan, Rewritten
from emails.mime.repair import clean
from emails.mime.structure import split
from emails.mime.top_header import forward_headers


def rewrite_forward(raw: bytes, plan: ForwardPlan) -> Rewritten:
    """Make the mail that goes to the owner. Raises `Refused` if the plan's addresses can't be used.

    No mail makes it raise anything: what is wrong with one is named in `issues`.
    """
    issues: set[Issue] = set()
    mail = split(raw)
    if mail.is_cut:
        issues.add(Issue.TOO_MANY_PARTS)
    top = forward_headers(mail, plan, issues)
    changes = Changes(raw, mail)
    texts = VisibleTexts(changes, plan.trackers, plan.warning_url, issues)
    note = plan.make_note(texts.removed)
    texts.write(note)
    is_all_clean = encoding.is_clean(raw, mail.body, mail.end)
    clean(changes, issues, is_all_clean=is_all_clean)
    content = texts.content(note, tidy=not is_all_clean)
    return Rewritten(
        raw=b"".join([top, *content]),
        trackers_removed=dict(texts.removed),
        issues=tuple(sorted(issues)),
    )
