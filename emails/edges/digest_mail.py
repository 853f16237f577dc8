"""Renders digests of held mails: what is held, why, and links to the page that decides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, ngettext

from emails.edges.held_links import make_link_token
from emails.edges.render import Notice, owner_mail
from emails.values.digests import Digest, DigestEntry
from emails.values.outcomes import HeldReason

WHY_HELD: Mapping[HeldReason, "str | Promise"] = {
    HeldReason.SPAM: gettext_lazy("It looks like spam."),
    HeldReason.DMARC_REJECT: gettext_lazy(
        "It could not be proven that it comes from the sender it names."
    ),
    HeldReason.DMARC_QUARANTINE: gettext_lazy(
        "It could not be proven that it comes from the sender it names."
    ),
    HeldReason.MAILBOX: gettext_lazy("Your mailbox did not accept mail."),
    HeldReason.MASK_LIMIT: gettext_lazy("This mask got an unusual amount of mail."),
    HeldReason.SENDER_LIMIT: gettext_lazy("This sender sent an unusual amount of mail."),
    HeldReason.NEW_MASK_LIMIT: gettext_lazy(
        "It would create another mask, and many were created that day."
    ),
    HeldReason.CANNOT_BE_SENT: gettext_lazy("It could not be sent on as it is."),
    HeldReason.SUSPECTED_LOOP: gettext_lazy("It seems to go around in a loop."),
    HeldReason.FROZEN: gettext_lazy("We hold it for a while. It will follow by itself."),
    HeldReason.MASK_NOT_LOOKED_UP: gettext_lazy("The settings of this mask could not be read."),
    HeldReason.REPUTATION: gettext_lazy(
        "Many mails of its sender, or to this mask, were refused or reported as spam."
    ),
}
"""Why a mail is held, in words for its owner."""


def digest_mail(digest: Digest, now: datetime) -> bytes:
    """Make the mail of a digest, in its owner's language, with a link that mail programs show.

    The link leads to a page. It acts at no machine's POST (RFC 8058): nobody would tell the owner.
    """
    # Set by hand: `email` breaks or encodes a word that is longer than a line.
    unsubscribe = f"List-Unsubscribe: <{url_of(digest)}digest/>\r\n".encode("ascii")
    return unsubscribe + owner_mail(render_digest(digest), digest.owner_address, now)


def render_digest(digest: Digest) -> Notice:
    """Render a digest in its owner's language."""
    page = url_of(digest)
    with translation.override(digest.language):
        subject = subject_of(digest.number)
        context = {
            "subject": subject,
            "language": translation.get_language() or "en",
            "site_origin": settings.SITE_ORIGIN,
            "entries": [_shown(entry, page) for entry in digest.entries],
            "number": digest.number,
            "more": digest.number - len(digest.entries),
            "page": page,
            "keep_days": settings.CONFIG.keep_held_days,
        }
        return Notice(
            subject=subject,
            text=render_to_string("emails/notice/digest.txt", context),
            html=render_to_string("emails/notice/digest.html", context),
        )


def subject_of(number: int) -> str:
    """Say in the current language how many mails are held."""
    return ngettext(
        "%(number)s mail is held for you", "%(number)s mails are held for you", number
    ) % {"number": number}


def why_held(reason: HeldReason) -> str:
    """Say in the current language why a mail is held."""
    return str(WHY_HELD[reason])


def url_of(digest: Digest) -> str:
    """Return the address of the page of the digest's mails."""
    token = make_link_token(digest.id, digest.owner_id, digest.owner_address)
    return f"{settings.SITE_ORIGIN.rstrip('/')}/emails/held/{token}/"


def _shown(entry: DigestEntry, page: str) -> dict[str, Any]:
    return {
        "author": entry.author,
        "subject": entry.subject,
        "mask": entry.mask,
        "received_at": entry.received_at,
        "why": why_held(entry.reason),
        "url": f"{page}{entry.mail_id}/",
    }
