"""Rewrites an owner's reply into a mail from the mask to the correspondent.

Nothing may reveal the owner. The top header is built anew. So is the header of every part and
attached mail, from the few fields needed to read it (`reply_fields.py`). The real address is
replaced there and in all texts, also attached ones (`remove_owner.py`). Other attached files stay
as they are: the owner chose to send them.

Our note is taken out of what the reply quotes. Attachments that SES would refuse for their names
are renamed.

Signatures name the signer, so they are removed. Encrypted mail is refused: it may name its writer,
and we can't look inside.
"""

from emails.mime import encoding
from emails.mime.assemble import MailChanges
from emails.mime.blocked_names import rename_in_types
from emails.mime.calendar_answers import answer_of, without_names
from emails.mime.content_ids import ContentIds
from emails.mime.hide_owner import owner_replacer
from emails.mime.issues import Issue
from emails.mime.plans import ReplyPlan, Rewritten
from emails.mime.quoted_note import note_remover
from emails.mime.remove_owner import OwnerRemover
from emails.mime.repair import repair
from emails.mime.reply_fields import FieldWriter
from emails.mime.structure import split, walk
from emails.mime.top_header import reply_headers, subject_of
from emails.mime.torn_headers import with_headers_mended
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason

_MAX_ENCODED_LEVELS = 20
"""How many levels of encoded mails within encoded mails are decoded."""


def rewrite_reply(raw: bytes, plan: ReplyPlan) -> Rewritten:
    """Write the mail to the correspondent.

    Raises `Refused` if the reply is encrypted or can't be searched otherwise, or an address in the
    plan is unusable.
    """
    raw = with_headers_mended(_with_mails_decoded(raw))
    mail = split(raw)
    if mail.is_cut:
        raise Refused(RefuseReason.SEALED_REPLY)
    hide = owner_replacer(plan.owner_addresses, plan.mask)
    if plan.stand_in:
        hide = without_names(hide, mail, plan)
    subject = subject_of(mail)
    top = reply_headers(None if subject is None else hide(subject), plan)
    issues: set[Issue] = set()
    domains = (address.rpartition("@")[2] for address in plan.owner_addresses)
    ids = ContentIds(raw, mail, plan.mask, domains)
    write = FieldWriter(hide, ids)
    changes = MailChanges(raw, mail, write)
    remove_note = note_remover(plan.note_wordings)
    OwnerRemover(changes, hide, ids, remove_note, issues, answer_of(plan)).run()
    is_all_clean = encoding.is_clean(raw, mail.body, mail.end)
    repair(changes, issues, is_all_clean=is_all_clean)
    rename_in_types(changes)
    content = [changes.content_header(), b"\r\n", *changes.content(sanitize=not is_all_clean)]
    if write.has_renamed:
        issues.add(Issue.ATTACHMENT_RENAMED)
    return Rewritten(b"".join([top, *content]), {}, tuple(sorted(issues)))


def _with_mails_decoded(raw: bytes) -> bytes:
    """Decode encoded attached mails, so that the owner's address can be replaced in them.

    RFC 2046 (5.2.1) forbids encoding them, but some mail programs do, and others read them.
    """
    for _ in range(_MAX_ENCODED_LEVELS):
        mail = split(raw)
        found = [part for part in walk(mail) if part.is_encoded_mail]
        if not found:
            return raw
        changes = MailChanges(raw, mail)
        for part in found:
            data, _fits = encoding.decoded(raw[part.body : part.end], part.encoding)
            changes.bodies[part] = (data,)
            changes.change_header(part, encoding=encoding.SEVEN_BIT)
        raw = changes.whole_mail()
    if any(part.is_encoded_mail for part in walk(split(raw))):
        raise Refused(RefuseReason.SEALED_REPLY)
    return raw
