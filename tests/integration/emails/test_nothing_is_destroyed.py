"""P6 as a property: whatever floods come, mail that an owner may want is forwarded or held."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from emails.models import Profile
from emails.store import held, held_releases
from emails.values.facts import Volume
from emails.values.held import HeldState
from emails.values.outcomes import (
    Blocked,
    Dropped,
    DropReason,
    Forwarded,
    Held,
    HeldReason,
    NoMask,
    Outcome,
)
from tests.integration.emails.conftest import Relay, a_domain_mask, a_mask, an_owner
from tests.integration.emails.limits.conftest import from_

LOCALS = ["x7k2", "y8m3", "quiet"]
WANTED = [f"{local}@masks.example" for local in LOCALS[:2]]
NEW = [f"new{number}@ann.masks.example" for number in range(6)]
ANY = [*WANTED, "quiet@masks.example", "shop@ann.masks.example", *NEW, "nobody@masks.example"]

DOMAINS = st.sampled_from(["bank.example", "shop.example", "evil.example", "a.evil.example"])
MAILS = st.fixed_dictionaries(
    {
        "to": st.sampled_from(ANY),
        "domain": DOMAINS,
        "is_proven": st.booleans(),
        "size": st.integers(0, 3_000),
        "virus": st.sampled_from(["PASS"] * 9 + ["FAIL"]),
        "spam": st.sampled_from(["PASS"] * 4 + ["FAIL"]),
        "is_loop": st.sampled_from([False] * 9 + [True]),
        "times": st.integers(1, 8),
    }
)
STEPS = st.lists(MAILS | st.sampled_from(["next day", "release all"]), max_size=12)
LIMITS = st.fixed_dictionaries(
    {
        "mask_limit": st.builds(Volume, st.integers(1, 12), st.integers(5_000, 40_000)),
        "sender_limit": st.builds(Volume, st.integers(1, 8), st.integers(5_000, 40_000)),
        "max_masks_per_day": st.integers(0, 4),
        "max_masks_per_sender": st.integers(0, 3),
    }
)


def receive(relay: Relay, mail: dict[str, Any]) -> list[Outcome]:
    details = from_(mail["domain"], is_proven=mail["is_proven"])
    if mail["is_loop"]:
        details["headers"]["X-Mail-Relay-Loop"] = "1"
    raw = b"From: b@x.example\r\n\r\n" + b"x" * mail["size"]
    verdicts = {"virus": mail["virus"], "spam": mail["spam"]}
    details |= verdicts
    return [relay.arrive(mail["to"], raw=raw, **details)[0] for _ in range(mail["times"])]


def is_allowed(outcome: Outcome, mail: dict[str, Any]) -> bool:
    """Whether the mail was forwarded or held, or destroyed for one of the four reasons."""
    match outcome:
        case Forwarded() | Held():
            return True
        case Blocked():
            return bool(mail["to"].startswith("quiet@"))
        case Dropped(DropReason.VIRUS):
            return bool(mail["virus"] == "FAIL")
        case Dropped(DropReason.LOOP):
            return bool(mail["is_loop"])
        case NoMask():
            return bool(mail["to"].startswith("nobody@"))
        case _:
            return False


@pytest.mark.timeout(300)
@settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, limits=LIMITS, blocks_spam=st.booleans())
def test_whatever_comes_is_forwarded_held_or_destroyed_for_one_of_four_reasons(
    db: None, steps: list[Any], limits: dict[str, Any], blocks_spam: bool
) -> None:
    with transaction.atomic():
        check(steps, limits, blocks_spam=blocks_spam)
        transaction.set_rollback(True)


def check(steps: list[Any], limits: dict[str, Any], *, blocks_spam: bool) -> None:
    relay = Relay()
    relay.with_policy(**limits)
    owner = an_owner(is_premium=True, subdomain="ann", blocks_spam=blocks_spam)
    for local in LOCALS:
        a_mask(owner, local, block="all" if local == "quiet" else "none")
    a_domain_mask(owner)
    wanted = 0
    for step in steps:
        match step:
            case "next day":
                relay.pass_time(timedelta(days=1))
                held_releases.release_after_limits(relay.now)
                relay.release_held()
            case "release all":
                held.release([mail.id for mail in held.find_held()])
                relay.release_held()
                assert not set(reasons()) & {"sender_limit", "mask_limit", "new_mask_limit"}
            case dict() as mail:
                outcomes = receive(relay, mail)
                assert all(is_allowed(outcome, mail) for outcome in outcomes), outcomes
                wanted += sum(isinstance(one, Forwarded | Held) for one in outcomes)
        # Each of them was sent once, or is kept.
        waiting = held.find_held(states=[HeldState.HELD, HeldState.RELEASING], limit=1000)
        assert len(relay.mailer.sent) + len(waiting) == wanted
        assert all(mail.mail in relay.mail_store.mails for mail in waiting)
        assert all(mail.recipient == "ann@owner.example" for mail in relay.mailer.sent)
    assert Profile.objects.get().flagged_at is None


def reasons() -> list[HeldReason]:
    return [mail.reason for mail in held.find_held(limit=1000)]
