"""Rewrites a mail sent to a mask into the mail to forward to the mask's owner.

Builds a new top header, adds the note to the visible text, removes trackers, and encodes whatever
SES would not accept. The rest stays as it is.
https://docs.aws.amazon.com/ses/latest/dg/send-email-raw.html
"""

from emails.mime import encoding
from emails.mime.assemble import MailChanges
from emails.mime.issues import Issue
from emails.mime.place_note import VisibleTexts
from emails.mime.plans import ForwardPlan, Rewritten
from emails.mime.repair import repair
from emails.mime.structure import split
from emails.mime.top_header import forward_headers


def rewrite_forward(raw: bytes, plan: ForwardPlan) -> Rewritten:
    """Write the mail to the owner. Raises `Refused` if an address in the plan is unusable.

    No mail makes it raise anything: defects are listed in `issues`.
    """
    issues: set[Issue] = set()
    mail = split(raw)
    if mail.is_cut:
        issues.add(Issue.TOO_MANY_PARTS)
    top = forward_headers(mail, plan, issues)
    changes = MailChanges(raw, mail)
    texts = VisibleTexts(changes, plan.trackers, plan.warning_url, issues)
    note = plan.make_note(texts.removed)
    texts.write(note)
    is_all_clean = encoding.is_clean(raw, mail.body, mail.end)
    repair(changes, issues, is_all_clean=is_all_clean)
    content = texts.content(note, sanitize=not is_all_clean)
    return Rewritten(
        raw=b"".join([top, *content]),
        trackers_removed=dict(texts.removed),
        issues=tuple(sorted(issues)),
    )
