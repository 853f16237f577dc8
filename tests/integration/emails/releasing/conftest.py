"""An owner who blocks spam, and the mail that is held for them."""

from datetime import timedelta

import pytest

from emails.models import HeldMail, Profile
from tests.integration.emails.conftest import RAW, Relay, a_mask, an_owner

MASK = "x7k2@masks.example"
HOUR = timedelta(hours=1)


def hold(relay: Relay, raw: bytes = RAW, to: str = MASK) -> int:
    """Let spam arrive for an owner who blocks spam; return the held mail's id."""
    relay.arrive(to, raw=raw, spam="FAIL")
    return HeldMail.objects.latest("pk").pk


def row() -> HeldMail:
    return HeldMail.objects.get()


def ended() -> tuple[str, str, str]:
    mail = row()
    return mail.state, mail.outcome, mail.outcome_reason


@pytest.fixture
def owner(relay: Relay) -> Profile:
    """An owner with a mask, who blocks spam."""
    profile = an_owner(blocks_spam=True)
    a_mask(profile)
    return profile
