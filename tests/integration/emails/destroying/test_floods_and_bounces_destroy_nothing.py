"""P6 as a property: whatever floods, bounces and complaints arrive, wanted mail is not destroyed.

Each step is a mail, feedback on what was sent, a job, or time that passes. After each, every mail
must be where its owner can have it; after the last, mailboxes recover, and what they missed comes.
"""

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from emails.models import Delivery, HeldMail, Profile
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.destroying.story import (
    ANN,
    BOUNCES,
    CLEAN,
    HOLDING,
    LIMITS,
    NOBODY,
    QUIET,
    TIMES,
    Story,
)
from tests.unit.emails.builders import POLICY

VERDICTS = st.fixed_dictionaries(
    {
        "spam": st.sampled_from(["PASS", "PASS", "FAIL", "GRAY"]),
        "virus": st.sampled_from(["PASS"] * 9 + ["FAIL"]),
        "dmarc": st.sampled_from(["PASS", "PASS", "FAIL", "GRAY", "PROCESSING_FAILED"]),
    }
)
SENDER = st.sampled_from(["sender.example", "bank.example", "evil.example"])
MAIL = st.fixed_dictionaries(
    {
        "step": st.just("mail"),
        "to": st.sampled_from([ANN] * 6 + [QUIET, NOBODY]),
        "sender": SENDER,
        "verdicts": VERDICTS,
        "dmarc_policy": st.sampled_from(["none", "quarantine", "reject"]),
        "is_loop": st.sampled_from([False] * 9 + [True]),
    }
)
FLOOD = st.fixed_dictionaries(
    {"step": st.just("flood"), "number": st.integers(2, 5), "sender": SENDER}
)
BOUNCE = st.fixed_dictionaries(
    {
        "step": st.just("bounce"),
        "which": st.integers(0, 2),
        "says": st.sampled_from([*range(len(BOUNCES)), *HOLDING]),
        "is_tagged": st.sampled_from([True, True, True, False]),
    }
)
COMPLAINT = st.fixed_dictionaries(
    {
        "step": st.just("complaint"),
        "which": st.integers(0, 5),
        "feedback": st.sampled_from(["abuse", "abuse", "not-spam", "fraud"]),
        "names_somebody": st.booleans(),
    }
)
OTHER = st.fixed_dictionaries(
    {
        "step": st.sampled_from(
            ["minutes", "hours", "days", "month", "jobs", "release", "release", "tidy", "tidy"]
        ),
    }
)
STEPS = st.lists(
    MAIL | MAIL | FLOOD | BOUNCE | BOUNCE | COMPLAINT | OTHER | OTHER, min_size=5, max_size=20
)
SPAM = CLEAN | {"verdicts": {"spam": "FAIL", "virus": "PASS", "dmarc": "PASS"}}
RELEASED_AND_BOUNCED: list[dict[str, Any]] = [
    SPAM,
    {"step": "release"},
    {"step": "tidy"},
    {"step": "minutes"},
    {"step": "bounce", "which": 0, "says": 0, "is_tagged": True},
]
FLOODED_AND_BOUNCED: list[dict[str, Any]] = [
    {"step": "flood", "number": 5, "sender": "evil.example"},
    {"step": "bounce", "which": 0, "says": 0, "is_tagged": True},
    {"step": "flood", "number": 5, "sender": "bank.example"},
    {"step": "days"},
    {"step": "jobs"},
]
BLOCKED_WHILE_IT_BOUNCES: list[dict[str, Any]] = [
    {"step": "flood", "number": 2, "sender": "evil.example"},
    {"step": "bounce", "which": 0, "says": 0, "is_tagged": True},
    {"step": "flood", "number": 5, "sender": "bank.example"},
    {"step": "complaint", "which": 1, "feedback": "abuse", "names_somebody": True},
]
HELD_UNTIL_IT_EXPIRES: list[dict[str, Any]] = [
    SPAM,
    {"step": "tidy"},
    *[{"step": "days"}] * 13,
    {"step": "tidy"},
    {"step": "days"},
    {"step": "month"},
    {"step": "tidy"},
]


@pytest.mark.timeout(300)
@settings(
    max_examples=50,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, blocks_spam=st.booleans())
@example(steps=RELEASED_AND_BOUNCED, blocks_spam=True)
@example(steps=FLOODED_AND_BOUNCED, blocks_spam=False)
@example(steps=BLOCKED_WHILE_IT_BOUNCES, blocks_spam=True)
@example(steps=HELD_UNTIL_IT_EXPIRES, blocks_spam=True)
def test_whatever_bounces_mail_is_forwarded_once_held_or_destroyed_for_a_good_reason(
    db: None, steps: list[dict[str, Any]], blocks_spam: bool
) -> None:
    with transaction.atomic():
        tell(steps, blocks_spam=blocks_spam)
        transaction.set_rollback(True)


def tell(steps: list[dict[str, Any]], *, blocks_spam: bool) -> None:
    relay = Relay()
    relay.with_policy(**LIMITS)
    owner = an_owner(blocks_spam=blocks_spam)
    a_mask(owner)
    a_mask(owner, "quiet", block="all")
    story = Story(relay)
    for step in steps:
        story.play(step)
        story.check()
    story.recover()
    story.check()
    assert Profile.objects.get().flagged_at is None
    assert not Delivery.objects.exclude(state="finished").exists()


def test_the_property_knows_what_is_about_the_mailbox() -> None:
    assert POLICY.probe_wait < TIMES["minutes"]
    assert {BOUNCES[one]["status"] for one in HOLDING[:3]} == {"5.1.1", "5.2.2", "4.4.7"}


def test_the_property_reaches_the_limits(relay: Relay) -> None:
    relay.with_policy(**LIMITS)
    a_mask(an_owner())
    story = Story(relay)
    for sender in ("evil.example", "bank.example"):
        story.play({"step": "flood", "number": 5, "sender": sender})

    reasons = Counter(HeldMail.objects.values_list("reason", flat=True))
    assert reasons == {"sender_limit": 2, "mask_limit": 3}
    story.recover()
    assert len(relay.mailer.sent) == 10
