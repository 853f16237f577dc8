"""Tells what happens to mails step by step, and checks after each that none was destroyed."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from emails.flow import mailbox_probes
from emails.models import HeldMail, MailboxBreaker, RandomMask
from emails.rules import limits
from emails.store import held, held_releases
from emails.values.facts import Volume
from emails.values.notifications import StoredMail
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
from tests.integration.emails.conftest import Relay
from tests.unit.emails.builders import BUCKET, bounce, complaint, received

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
CLEAN: dict[str, Any] = {
    "step": "mail",
    "to": ANN,
    "sender": "sender.example",
    "verdicts": {"spam": "PASS", "virus": "PASS", "dmarc": "PASS"},
    "dmarc_policy": "none",
    "is_loop": False,
}
"""A mail that nothing speaks against."""

LIMITS = {"mask_limit": Volume(5, 1_000_000), "sender_limit": Volume(3, 1_000_000)}
"""Few enough for a short story to reach."""

NEVER_ARRIVED = [*HOLDING, 3, 4, 8]
"""Those after which the owner doesn't have the mail."""
TIMES = {
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
    bounced: dict[int, bool] = field(default_factory=dict)
    """By the number of the sending that did not arrive: whether the mail can be held again."""

    def play(self, step: dict[str, Any]) -> None:
        """Play one step."""
        match step["step"]:
            case "mail":
                self._arrive(step)
            case "flood":
                for _ in range(step["number"]):
                    self._arrive(CLEAN | {"sender": step["sender"]})
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
                self._pass(TIMES[time])

    def recover(self) -> None:
        """Let no more bounce, and probe until all mailboxes take mail again."""
        for _ in range(3):
            self._pass(timedelta(days=2))
            self._run_jobs()
        # Each day some of what limits held comes, and, if the mask was blocked, a probe is blocked.
        comes_by_itself = [HeldReason.MAILBOX, *limits.REASONS]
        waiting = HeldMail.objects.filter(state="held", reason__in=comes_by_itself)
        for _ in range(waiting.count()):
            self._pass(timedelta(days=1))
            self._run_jobs()
        assert not HeldMail.objects.filter(state="releasing").exists()
        assert not waiting.exists()

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
                assert not self.bounced[sendings[-1]], "bounced, and not held again"
        elif row.outcome == "expired":
            assert row.ended_at is not None
            assert row.ended_at >= row.expires_at
        else:
            # An owner's complaint blocked the mask meanwhile.
            assert (row.outcome, row.outcome_reason) == ("blocked", "blocks_all")
            assert not row.waived, "somebody wanted it"

    def _arrive(self, step: dict[str, Any]) -> None:
        number = len(self.outcomes)
        verdicts, is_blocked = step["verdicts"], _is_blocked(step["to"])
        proof = f"amazonses.com; dmarc={verdicts['dmarc'].lower()} header.from={step['sender']}"
        headers = {
            "Authentication-Results": proof,
            "From": f"Bob <bob@{step['sender']}>",
            "Message-ID": f"<{number}@sender.example>",
            "Subject": f"mail {number}",
        }
        if step["is_loop"]:
            headers["X-Mail-Relay-Loop"] = "1"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        raw = f"{head}\r\nhello\r\n".encode()
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
            self.bounced[which] = may_be_held
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
        held_releases.release_after_limits(self.relay.now)
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
