"""What becomes of an owner's next mail after a bounce, whatever SES calls it."""

import pytest

from emails.models import HeldMail, MailboxBreaker, Profile
from emails.values.mailboxes import BounceMeaning
from emails.values.outcomes import Held, HeldReason
from tests.bounce_table import ROWS, Row
from tests.integration.emails.conftest import FORWARDED, Relay, a_mask, an_owner
from tests.unit.emails.builders import bounce

MASK, OWNER = "x7k2@masks.example", "ann@owner.example"
HELD = Held(HeldReason.MAILBOX)
ABOUT_THE_MAILBOX = {BounceMeaning.GONE, BounceMeaning.UNREACHABLE}

BY_MEANING = {
    meaning: [row for row in ROWS if row.expected is meaning] for meaning in BounceMeaning
}


def the_next_mail(relay: Relay, row: Row, *, is_tagged: bool) -> object:
    """Let a mail bounce as this row says; return what becomes of the next one."""
    assert relay.arrive(MASK) == (FORWARDED,)
    sent = relay.mailer.sent[-1]
    (_,) = relay.notify(
        bounce(
            OWNER,
            kind=row.kind,
            subkind=row.subkind,
            action=row.action,
            status=row.status,
            diagnostic=row.diagnostic,
            shape="eventType" if is_tagged else "notificationType",
            source=sent.sender,
            destination=[OWNER],
            tags=dict(sent.tags) if is_tagged else None,
        )
    )
    (outcome,) = relay.arrive(MASK)
    return outcome


@pytest.mark.parametrize("is_tagged", [True, False])
@pytest.mark.parametrize("meaning", BounceMeaning)
def test_only_a_bounce_about_the_mailbox_holds_the_next_mail_and_none_destroys_it(
    relay: Relay, meaning: BounceMeaning, is_tagged: bool
) -> None:
    a_mask(an_owner(OWNER))
    expected = HELD if meaning in ABOUT_THE_MAILBOX else FORWARDED

    assert BY_MEANING[meaning]
    for row in BY_MEANING[meaning]:
        kept = len(relay.mail_store.mails)
        assert the_next_mail(relay, row, is_tagged=is_tagged) == expected, row
        assert len(relay.mail_store.mails) == kept + (expected == HELD)
        assert MailboxBreaker.objects.exists() is (expected == HELD)
        MailboxBreaker.objects.all().delete()

    assert Profile.objects.get().blocks_spam is (meaning is BounceMeaning.REFUSED_AS_SPAM)
    assert Profile.objects.get().flagged_at is None
    assert HeldMail.objects.exclude(state="held").count() == 0


def test_an_owner_who_is_away_gets_mail_day_after_day(relay: Relay) -> None:
    """SES reports each vacation reply as a bounce."""
    a_mask(an_owner(OWNER))
    (away, *_) = BY_MEANING[BounceMeaning.AUTOMATIC_ANSWER]

    for _ in range(5):
        assert the_next_mail(relay, away, is_tagged=True) == FORWARDED
