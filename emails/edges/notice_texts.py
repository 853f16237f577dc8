"""What notices say: what happened, why, and what to do. In English; translated when rendered.

`%(mask)s` and `%(site_origin)s` stand for the mask and our site. Nothing else of a mail is in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from emails.values.notices import NoticeKind, NoticeWhy


@dataclass(frozen=True, slots=True)
class Text:
    """A notice's subject and paragraphs. Those of `whys` follow the first, by the reason.

    `is_for_several`: it is sent once a day, but may concern more than one mail.
    """

    subject: Promise
    paragraphs: tuple[Promise, ...]
    whys: Mapping[NoticeWhy | None, Promise] | None = None
    is_for_several: bool = True


_NOT_SENT = _("Your reply was not sent")
_NOT_YOURS = _("A reply to mail of yours was not sent")
_DID_NOT_REACH_YOU = _("A mail to your mask did not reach you")
_STRANGER = _(
    "If it was not you, somebody else tried to answer mail of yours. Nothing was sent, and you "
    "need not do anything."
)
SEVERAL = _("We tell you of this at most once a day, so it may concern more than one mail.")

TEXTS: Mapping[NoticeKind, Text] = {
    NoticeKind.MASK_DISABLED: Text(
        _("Your mask was turned off"),
        (
            _(
                "You marked mail sent to your mask %(mask)s as spam. To stop more of it, we turned "
                "the mask off: mail to it is now blocked."
            ),
            _("You can turn it back on at %(site_origin)s."),
        ),
        is_for_several=False,
    ),
    NoticeKind.REPLIES_NEED_PREMIUM: Text(
        _NOT_SENT,
        (
            _(
                "You replied to a mail sent to your mask %(mask)s. Your reply was not sent: "
                "replying from a mask is a premium feature, and you have used your free reply."
            ),
            _(
                "Your real address was not revealed to anyone. You can upgrade to premium at "
                "%(site_origin)s."
            ),
        ),
    ),
    NoticeKind.FIRST_REPLY: Text(
        _("Your first reply was sent"),
        (
            _(
                "You replied to a mail sent to your mask %(mask)s. Your reply was sent from the "
                "mask, so your real address stayed private."
            ),
            _(
                "Replying from a mask is a premium feature; the first reply is free. You can "
                "upgrade to premium at %(site_origin)s."
            ),
        ),
        is_for_several=False,
    ),
    NoticeKind.REPLIES_PAUSED: Text(
        _NOT_SENT,
        (
            _(
                "You replied to a mail sent to your mask %(mask)s. Your reply was not sent: you "
                "have sent more replies today than we send for one person. For the next day or so, "
                "we will send none of your replies."
            ),
            _(
                "Nothing else has changed: mail to your masks still reaches you. Your real address "
                "was not revealed to anyone. To send the reply, send it again later."
            ),
        ),
    ),
    NoticeKind.REPLY_BOUNCED: Text(
        _("Your reply did not arrive"),
        (_("The other side's mail server did not accept your reply, so it did not arrive."),),
        {
            None: _("Check the address, or reach the person in another way."),
            NoticeWhy.GONE: _(
                "It says that this address does not exist or no longer takes mail. Check the "
                "address, or reach the person in another way."
            ),
            NoticeWhy.UNREACHABLE: _(
                "It took no mail for this address, even after several tries: the mailbox may be "
                "full, or the server down. Send your reply again later."
            ),
            NoticeWhy.MAIL_REFUSED: _(
                "It refused this mail, perhaps for its content, its size or an attachment. A "
                "shorter reply without attachments may arrive."
            ),
            NoticeWhy.REFUSED_AS_SPAM: _(
                "It took your reply for spam. Write it differently, with fewer links, or reach the "
                "person in another way."
            ),
        },
    ),
    NoticeKind.REPLY_UNKNOWN_THREAD: Text(
        _NOT_SENT,
        (
            _(
                "We could not find out which mail your reply answers, so it was not sent. That "
                "mail may be too old, its mask may be deleted, or your mail program did not say "
                "which mail you answered."
            ),
            _(
                "Open a mail that came through your mask and use “Reply” there. A new mail to the "
                "address for replies can't be delivered."
            ),
        ),
    ),
    NoticeKind.REPLY_UNPROVEN: Text(
        _("A reply in your name was not sent"),
        (
            _(
                "We received a reply in your name, but could not make sure that you wrote it. So "
                "it was not sent."
            ),
            _(
                "If it was you, send it again through the mail service that your address belongs "
                "to. If that fails, too, ask that service whether your mail passes SPF, DKIM and "
                "DMARC."
            ),
            _(
                "If it was not you, somebody else used your address. Nothing was sent, and you "
                "need not do anything."
            ),
        ),
    ),
    NoticeKind.REPLY_NOT_THE_OWNER: Text(
        _NOT_YOURS,
        (
            _(
                "A mail that we forwarded to you was answered from another address than yours. So "
                "the answer was not sent."
            ),
            _(
                "If it was you, send it again from the address that this notice came to. Only that "
                "address can answer from your masks."
            ),
            _STRANGER,
        ),
    ),
    NoticeKind.REPLY_AMBIGUOUS_SENDER: Text(
        _NOT_YOURS,
        (
            _(
                "A mail that we forwarded to you was answered, but the answer does not name "
                "exactly one sender. So it was not sent."
            ),
            _(
                "If it was you, set your mail program to send from one address, the one that this "
                "notice came to, and send the answer again."
            ),
            _STRANGER,
        ),
    ),
    NoticeKind.REPLY_SEALED: Text(
        _NOT_SENT,
        (
            _(
                "Your reply is encrypted, so we can't look inside to hide your real address. That "
                "is why it was not sent."
            ),
            _("Turn off encryption (S/MIME or PGP) for this reply, and send it again."),
        ),
    ),
    NoticeKind.REPLY_TOO_LARGE: Text(
        _NOT_SENT,
        (
            _("Your reply is larger than our mail service allows, so it was not sent."),
            _("Send it again with fewer or smaller attachments, or with a link to the files."),
        ),
    ),
    NoticeKind.REPLY_REFUSED: Text(
        _NOT_SENT,
        (
            _("Our mail service refused your reply and does not say why, so it was not sent."),
            _(
                "Send it again in another form: as plain text, without attachments. If that fails, "
                "too, contact us at %(site_origin)s."
            ),
        ),
    ),
    NoticeKind.REPLY_VIRUS: Text(
        _NOT_SENT,
        (
            _("A virus was found in your reply, so it was not sent."),
            _("Check your device for viruses, then send the reply again without the attachment."),
        ),
    ),
    NoticeKind.REPLY_RENAMED: Text(
        _("An attachment of your reply was renamed"),
        (
            _(
                "Your reply was sent. But our mail service refuses files of a kind that is "
                "attached to it, so we added “.renamed” to the file's name."
            ),
            _(
                "Tell the person you wrote to that they can open the file once they have removed "
                "“.renamed” from its name."
            ),
        ),
    ),
    NoticeKind.MAIL_UNSENDABLE: Text(
        _("A mail to your mask is held"),
        (
            _("A mail to your mask arrived, but we could not send it on to you. We hold it."),
            _(
                "You need not do anything else. Our next overview of held mails lists it; that "
                "comes within a day or so."
            ),
        ),
        {
            None: _("It can't be sent as it is. Ask the sender to send it in another form."),
            NoticeWhy.REJECTED: _(
                "Our mail service refused it and does not say why. Ask the sender to send it in "
                "another form."
            ),
            NoticeWhy.TOO_LARGE: _(
                "It is larger than our mail service allows. Ask the sender for smaller "
                "attachments, or for a link to the files."
            ),
            NoticeWhy.SIGNED_NAME: _(
                "It has a digital signature and an attachment of a kind that our mail service "
                "refuses. Ask the sender to send the file in another form, such as a ZIP archive."
            ),
        },
    ),
    NoticeKind.MAIL_REFUSED: Text(
        _DID_NOT_REACH_YOU,
        (_("A mail to your mask was refused when we sent it on, so it did not reach you."),),
        {
            None: _(
                "Your mail provider did not take it. If you expect a mail, ask its sender to send "
                "it again."
            ),
            NoticeWhy.MAIL_REFUSED: _(
                "Your mail provider did not take it, perhaps for its content, its size or an "
                "attachment. If you expect a mail, ask its sender to send it in another form."
            ),
            NoticeWhy.FORMER_ADDRESS: _(
                "It went to your former address. Mail to your masks now goes to your new one. If "
                "you expect a mail, ask its sender to send it again."
            ),
        },
    ),
    NoticeKind.MAIL_REFUSED_AS_SPAM: Text(
        _DID_NOT_REACH_YOU,
        (
            _(
                "Your mail provider took a mail to your mask for spam and refused it, so it did "
                "not reach you. If you expect a mail, ask its sender to write it differently."
            ),
            _(
                "Spam blocking is now on for all your masks: we hold mail that looks like spam, "
                "and send you an overview of it. You can turn this off at %(site_origin)s."
            ),
        ),
    ),
    NoticeKind.SPAM_BLOCKING_ON: Text(
        _("Spam blocking was turned on"),
        (
            _(
                "You marked a mail to your mask as spam. So spam blocking is now on for all your "
                "masks: we hold mail that looks like spam, and send you an overview of it."
            ),
            _(
                "If you mark another mail as spam, we turn off the mask that it was sent to. You "
                "can change all this at %(site_origin)s."
            ),
        ),
        is_for_several=False,
    ),
    NoticeKind.MAILBOX_BACK: Text(
        _("Your mailbox takes mail again"),
        (
            _(
                "Your mailbox refused mail for a while, so we held what came to your masks. Now it "
                "takes mail again, and what we hold is on its way to you."
            ),
            _(
                "We don't have the mails that your mailbox refused before we noticed, nor those "
                "that waited too long. If you miss one, ask its sender to send it again."
            ),
        ),
        is_for_several=False,
    ),
}
