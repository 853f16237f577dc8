"""Developer mode: for owners with the flag, on masks whose label asks for it."""

import logging
from typing import Any

import pytest
from django.core.cache import cache
from waffle.models import Flag

from emails.models import Profile
from emails.values.outcomes import Forwarded, ForwardReason, Recorded, RecordReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.unit.emails.builders import complaint

FORWARDED = (Forwarded(ForwardReason.EXISTING_MASK),)


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """Waffle caches flags for some minutes, across tests."""
    cache.clear()


def a_developer() -> Profile:
    owner = an_owner()
    flag: Any = Flag.objects.create(name="developer_mode")
    flag.users.add(owner.user)
    return owner


def test_a_mask_labelled_for_it_sends_to_the_simulator_which_complains(relay: Relay) -> None:
    mask = a_mask(a_developer(), label="DEV:simulate_complaint")

    assert relay.arrive("x7k2@masks.example") == FORWARDED

    (sent,) = relay.mailer.sent
    assert sent.recipient == f"complaint+random-{mask.pk}@simulator.amazonses.com"
    assert relay.notify(complaint(sent.recipient, source=mask.address)) == (
        Recorded(RecordReason.SPAM_BLOCKING_ON),
    )


def test_a_developers_mask_logs_its_mails_in_detail_but_no_content(
    relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    a_mask(a_developer(), label="DEV: look closely")

    with caplog.at_level(logging.INFO, "emails"):
        relay.arrive("x7k2@masks.example")

    assert relay.mailer.sent[0].recipient == "ann@owner.example"
    (record,) = (one for one in caplog.records if one.message == "developer mode")
    assert record.__dict__["dmarc"] == "PASS"
    assert "@" not in str(record.__dict__)


@pytest.mark.parametrize("label", ["", "my DEV:simulate_complaint"])
def test_a_developers_other_masks_are_ordinary(relay: Relay, label: str) -> None:
    a_mask(a_developer(), label=label)

    relay.arrive("x7k2@masks.example")

    assert relay.mailer.sent[0].recipient == "ann@owner.example"


def test_without_the_flag_the_label_has_no_effect(relay: Relay) -> None:
    a_mask(an_owner(), label="DEV:simulate_complaint")

    relay.arrive("x7k2@masks.example")

    assert relay.mailer.sent[0].recipient == "ann@owner.example"
