"""P6 as a property: whatever bounces, complaints and verdicts arrive, wanted mail is not destroyed.

Each step is a mail, feedback on what was sent, a job, or time that passes. After each, every mail
must be where its owner can have it; after the last, mailboxes recover, and what they missed comes.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from emails.flow import mailbox_probes
from emails.models import Delivery, HeldMail, MailboxBreaker, Profile, RandomMask
from emails.store import held
from emails.values.notifications import StoredMail
from emails.values.outcomes import (
    Blocked,
    Dropped,
    DropReason,
    Forwarded,
    Held,
    NoMask,
    Outcome,
)
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.unit.emails.builders import BUCKET, POLICY, bounce, complaint, received

ANN, QUIET, NOBODY = "x7k2@masks.example", "quiet@masks.example", "nobody@masks.example"
OWNER = "ann@owner.example"

BOUNCES: list[dict[str, str]] = [
    {"status": "5.1.1", "action": "failed"},
    {"status": "5.2.2", "action": "failed"},
    {"kind": "Transient", "status": "4.4.7", "action": "failed"},
    {"status": "5.7.1", "action": "failed", "diagnostic": "smtp; 550 5.7.1 spam"},
    {"status": "5.3.4", "action": "failed"},
    {"kind": "Transient"},
    {"kind": "Transient", "status": "4.2.2", "action": "delayed"},
    {"subkind": "Suppressed", "action": "failed"},
    {"kind": "Undetermined", "subkind": "Undetermined"},
]
HOLDING = [0, 1, 2, 7]
"""Those of `BOUNCES` that are about the mailbox."""

NEVER_ARRIVED = [*HOLDING, 3, 4, 8]
"""Those after which the owner doesn't have the mail."""

VERDICTS = st.fixed_dictionaries(
    {
        "spam": st.sampled_from(["PASS", "PASS", "FAIL", "GRAY"]),
        "virus": st.sampled_from(["PASS"] * 9 + ["FAIL"]),
        "dmarc": st.sampled_from(["PASS", "PASS", "FAIL", "GRAY", "PROCESSING_FAILED"]),
    }
)
MAIL = st.fixed_dictionaries(
    {
        "step": st.just("mail"),
        "to": st.sampled_from([ANN] * 6 + [QUIET, NOBODY]),
        "verdicts": VERDICTS,
        "dmarc_policy": st.sampled_from(["none", "quarantine", "reject"]),
        "is_loop": st.sampled_from([False] * 9 + [True]),
    }
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
STEPS = st.lists(MAIL | MAIL | BOUNCE | BOUNCE | COMPLAINT | OTHER | OTHER, min_size=5, max_size=20)
SPAM: dict[str, Any] = {
    "step": "mail",
    "to": ANN,
    "verdicts": {"spam": "FAIL", "virus": "PASS", "dmarc": "PASS"},
    "dmarc_policy": "none",
    "is_loop": False,
}
RELEASED_AND_BOUNCED: list[dict[str, Any]] = [
    SPAM,
    {"step": "release"},
    {"step": "tidy"},
    {"step": "minutes"},
    {"step": "bounce", "which": 0, "says": 0, "is_tagged": True},
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
_TIMES = {
    "minutes": timedelta(minutes=11),
    "hours": timedelta(hours=5),
    "days": timedelta(days=2),
    "month": timedelta(days=31),
}
_KEPT_FOR_BOUNCES = timedelta(minutes=15)


@dataclass
class Story:
    """The mails so far, and what is known of each sending: how it bounced, if it did."""

    relay: Relay
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    bounced: dict[int, tuple[int, bool]] = field(default_factory=dict)
    """By the number of the sending: which of `BOUNCES`, and whether it can be held again."""

    def play(self, step: dict[str, Any]) -> None:
        """Play one step."""
        match step["step"]:
            case "mail":
                self._arrive(step)
            case "bounce":
                self._bounce(step)
            case "complaint":
                self._complain(step)
            case "jobs":
                self._run_jobs()
            case "release":
                held.release([mail.id for mail in held.find_held()])
                self.relay.release_held()
            case "tidy":
                self.relay.tidy_held()
            case time:
                self._pass(_TIMES[time])

    def recover(self) -> None:
        """Let no more bounce, and probe until all mailboxes take mail again."""
        for _ in range(3):
            self._pass(timedelta(days=2))
            self._run_jobs()
        assert not HeldMail.objects.filter(state="releasing").exists()
        assert not HeldMail.objects.filter(state="held", reason="mailbox").exists()

    def check(self) -> None:
        """Every mail is forwarded once, held with its object, or destroyed for a reason allowed."""
        for number in self.outcomes:
            sendings = self._sendings_of(number)
            arrived = [one for one in sendings if self._has_arrived(one)]
            assert len(arrived) <= 1, f"mail {number} was forwarded twice"
            rows = HeldMail.objects.filter(sns_message_id=f"sns-{number}")
            if row := rows.first():
                self._check_held(row, sendings, arrived)
            elif isinstance(self.outcomes[number], Forwarded):
                assert len(sendings) == 1
            else:
                assert sendings == []
                assert not isinstance(self.outcomes[number], Held)

    def _check_held(self, row: HeldMail, sendings: list[int], arrived: list[int]) -> None:
        assert len(sendings) <= row.releases
        if row.state in ("held", "releasing"):
            assert arrived == []
            keys = {mail.key for mail in self.relay.mail_store.mails}
            assert row.key in keys, "held, and deleted before it expired"
        elif row.outcome == "forwarded":
            if arrived == []:
                assert sendings
                says, may_be_held = self.bounced[sendings[-1]]
                assert says not in HOLDING or not may_be_held, "bounced, and not held again"
        elif row.outcome == "expired":
            assert row.ended_at is not None
            assert row.ended_at >= row.expires_at
        else:
            # An owner's complaint blocked the mask meanwhile.
            assert (row.outcome, row.outcome_reason) == ("blocked", "blocks_all")

    def _arrive(self, step: dict[str, Any]) -> None:
        number = len(self.outcomes)
        verdicts, is_blocked = step["verdicts"], _is_blocked(step["to"])
        headers = {"From": "Bob <bob@sender.example>", "Message-ID": f"<{number}@sender.example>"}
        if step["is_loop"]:
            headers["X-Mail-Relay-Loop"] = "1"
        raw = b"From: Bob <bob@sender.example>\r\nSubject: mail %d\r\n\r\nhello\r\n" % number
        document = received(step["to"], key=f"key-{number}", headers=headers, **verdicts)
        document["receipt"]["dmarcPolicy"] = step["dmarc_policy"]
        self.relay.mail_store.mails[StoredMail(BUCKET, f"key-{number}")] = raw
        (outcome,) = self.relay.notify(document, f"sns-{number}")
        self.outcomes[number] = outcome
        match outcome:
            case Forwarded() | Held():
                pass
            case Blocked():
                assert is_blocked
            case Dropped(DropReason.VIRUS):
                assert verdicts["virus"] == "FAIL"
            case Dropped(DropReason.LOOP):
                assert step["is_loop"]
            case NoMask():
                assert step["to"] == NOBODY
            case _:
                pytest.fail(f"{outcome} destroyed a mail")

    def _bounce(self, step: dict[str, Any]) -> None:
        which = self._sending(step["which"])
        if which is None or which in self.bounced:
            return
        tags = dict(self.relay.mailer.sent[which].tags) if step["is_tagged"] else None
        shape = "eventType" if step["is_tagged"] else "notificationType"
        says = BOUNCES[step["says"]]
        number = self._mail_of(which)
        since = self.relay.now - _KEPT_FOR_BOUNCES
        ended = HeldMail.objects.filter(
            sns_message_id=f"sns-{number}", outcome="forwarded", ended_at__gt=since
        )
        if step["says"] in NEVER_ARRIVED:
            # Without tags nobody knows which mail it was; one cleared from S3 is gone, too.
            may_be_held = step["is_tagged"] and ended.exists()
            self.bounced[which] = step["says"], may_be_held
        details = {"shape": shape, "tags": tags, "destination": [OWNER], **says}
        self.relay.notify(bounce(OWNER, **details))

    def _complain(self, step: dict[str, Any]) -> None:
        which = self._sending(step["which"])
        if which is None:
            return
        tags = dict(self.relay.mailer.sent[which].tags)
        named = [OWNER] if step["names_somebody"] else []
        details = {"shape": "eventType", "tags": tags, "feedback": step["feedback"]}
        self.relay.notify(complaint(*named, **details))

    def _run_jobs(self) -> None:
        mailbox_probes.drive(self.relay.ports(), self.relay.now)
        self.relay.release_held()
        # What a probe's end set free.
        mailbox_probes.drive(self.relay.ports(), self.relay.now)
        self.relay.release_held()

    def _pass(self, passed: timedelta) -> None:
        self.relay.pass_time(passed)
        MailboxBreaker.objects.update(
            next_probe_at=F("next_probe_at") - passed,
            probe_sent_at=F("probe_sent_at") - passed,
            opened_at=F("opened_at") - passed,
        )

    def _sending(self, back: int) -> int | None:
        """Return a number of a mail sent lately: the last, the one before it…"""
        forwarded = [n for n in range(len(self.relay.mailer.sent)) if self._mail_of(n) is not None]
        return forwarded[-1 - back] if back < len(forwarded) else None

    def _sendings_of(self, number: int) -> list[int]:
        return [n for n in range(len(self.relay.mailer.sent)) if self._mail_of(n) == number]

    def _mail_of(self, sending: int) -> int | None:
        found = re.search(
            rb"^Subject: mail (\d+)", self.relay.mailer.sent[sending].raw, re.MULTILINE
        )
        return int(found[1]) if found else None  # a notice

    def _has_arrived(self, sending: int) -> bool:
        return sending not in self.bounced


def _is_blocked(address: str) -> bool:
    local = address.partition("@")[0]
    return RandomMask.objects.filter(local=local, block="all").exists()


@pytest.mark.timeout(300)
@settings(
    max_examples=50,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, blocks_spam=st.booleans())
@example(steps=RELEASED_AND_BOUNCED, blocks_spam=True)
@example(steps=HELD_UNTIL_IT_EXPIRES, blocks_spam=True)
def test_whatever_bounces_mail_is_forwarded_once_held_or_destroyed_for_a_good_reason(
    db: None, steps: list[dict[str, Any]], blocks_spam: bool
) -> None:
    with transaction.atomic():
        tell(steps, blocks_spam=blocks_spam)
        transaction.set_rollback(True)


def tell(steps: list[dict[str, Any]], *, blocks_spam: bool) -> None:
    relay = Relay()
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
    assert POLICY.probe_wait < _TIMES["minutes"]
    assert {BOUNCES[one]["status"] for one in HOLDING[:3]} == {"5.1.1", "5.2.2", "4.4.7"}
