"""A relay with a real database, and S3 and SES in memory."""

import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import F

from emails.edges import digest_mail, note, notice_mail
from emails.edges.mail_memory import MailMemory
from emails.edges.ports import MayLeave, Predecessor
from emails.flow.clearing import clear_ended_mails, expire_held_mails
from emails.flow.context import Ports
from emails.flow.handle import handle
from emails.flow.releasing import LANES, release_lane
from emails.models import LANGUAGES, Delivery, DomainMask, HeldMail, Profile, RandomMask
from emails.values.deliveries import NO_END, Outgoing
from emails.values.notifications import StoredMail, parse
from emails.values.outcomes import Forwarded, ForwardReason, Outcome
from tests.fakes import (
    FakeAccount,
    FakeAccountNotes,
    FakeBrake,
    FakeCanary,
    FakeClockWatch,
    FakeControls,
    FakeMailer,
    FakeMailStore,
    FakePace,
    FakePresence,
    FakeSendNotes,
    NoPredecessor,
)
from tests.unit.emails.builders import BUCKET, NOW, POLICY, instant, received

RAW = b"From: Bob <bob@sender.example>\r\nSubject: Hello\r\n\r\nGood morning.\r\n"
SECRET = b"a secret for tests"


@dataclass
class Relay:
    """The mail logic with fake ports; `now` is its clock."""

    mail_store: FakeMailStore = field(default_factory=FakeMailStore)
    memory: MailMemory = field(default_factory=lambda: MailMemory(2**60))
    mailer: FakeMailer = field(default_factory=FakeMailer)
    pace: FakePace = field(default_factory=FakePace)
    account: FakeAccount = field(default_factory=FakeAccount)
    account_notes: FakeAccountNotes = field(default_factory=FakeAccountNotes)
    controls: FakeControls = field(default_factory=FakeControls)
    brake: FakeBrake = field(default_factory=FakeBrake)
    canary: FakeCanary = field(default_factory=FakeCanary)
    send_notes: FakeSendNotes = field(default_factory=FakeSendNotes)
    presence: FakePresence = field(default_factory=FakePresence)
    predecessor: Predecessor = field(default_factory=NoPredecessor)
    may_leave: MayLeave = lambda _: False
    reply_secrets: tuple[bytes, ...] = (SECRET,)
    policy: Any = POLICY
    now: datetime = NOW
    clock_watch: FakeClockWatch = field(default_factory=FakeClockWatch)
    slept: list[float] = field(default_factory=list)

    def ports(self) -> Ports:
        return Ports(
            policy=self.policy,
            reply_secrets=self.reply_secrets,
            mail_store=self.mail_store,
            make_room=self.memory.room,
            mailer=self.mailer,
            send_notes=self.send_notes,
            presence=self.presence,
            pace=self.pace,
            account=self.account,
            account_notes=self.account_notes,
            controls=self.controls,
            brake=self.brake,
            canary=self.canary,
            predecessor=self.predecessor,
            may_leave=self.may_leave,
            make_note=partial(note.forward_note, secret=self.reply_secrets[0]),
            make_block_url=partial(note.block_url, secret=self.reply_secrets[0]),
            note_wordings=partial(note.note_wordings, languages=tuple(dict(LANGUAGES))),
            make_notice=notice_mail.notice_mail,
            make_digest=digest_mail.digest_mail,
            trackers=frozenset(),
            clock=lambda: instant(self.now),
            clock_watch=self.clock_watch,
            sleep=self.slept.append,
        )

    def arrive(
        self, *to: str, raw: bytes = RAW, sns_message_id: str | None = None, **details: Any
    ) -> tuple[Outcome, ...]:
        """Store a mail, and handle SES's notification of it."""
        key = details.setdefault("key", uuid.uuid4().hex)
        self.mail_store.mails[StoredMail(BUCKET, key)] = raw
        return self.notify(received(*to, **details), sns_message_id)

    def notify(
        self, document: dict[str, Any], sns_message_id: str | None = None
    ) -> tuple[Outcome, ...]:
        """Handle a notification."""
        notification = parse(json.dumps(document))
        identity = sns_message_id or str(uuid.uuid4())
        return handle(notification, identity, ports=self.ports(), now=self.now)

    def forwarded(self) -> list[Outgoing]:
        """Return the mails that were forwarded: those that are no replies and no notices."""
        return [mail for mail in self.mailer.sent if ("kind", "forward") in mail.tags]

    def notices(self) -> list[str]:
        """Return the kinds of the notices that were sent."""
        tags = [dict(mail.tags) for mail in self.mailer.sent]
        return [one["notice"] for one in tags if "notice" in one]

    def release_held(self) -> None:
        """Run the lanes of releases, once."""
        for lane in range(LANES):
            release_lane(self.ports(), lane, lambda: self.now, lambda: False)

    def tidy_held(self) -> None:
        """Expire held mails, and delete ended ones from S3."""
        expire_held_mails(self.now)
        clear_ended_mails(self.mail_store, self.now)

    def pass_time(self, passed: timedelta) -> None:
        """Let time pass, for the workers and for the database."""
        self.now += passed
        Delivery.objects.update(created_at=F("created_at") - passed)
        passing = Delivery.objects.filter(claimed_until__lt=NO_END)
        passing.update(claimed_until=F("claimed_until") - passed)

    def with_policy(self, **changes: Any) -> None:
        """Change the settings."""
        self.policy = replace(self.policy, **changes)


@pytest.fixture
def relay(db: None) -> Relay:
    """A relay with an empty database."""
    return Relay()


def an_owner(email: str = "ann@owner.example", **profile: Any) -> Profile:
    """Create an owner. `is_active` is a field of the user, all others are the profile's."""
    is_active = profile.pop("is_active", True)
    user = get_user_model().objects.create(
        username=uuid.uuid4().hex, email=email, is_active=is_active
    )
    return Profile.objects.create(user=user, **profile)


def a_mask(profile: Profile, local: str = "x7k2", **fields: Any) -> RandomMask:
    """Create a random mask."""
    return RandomMask.objects.create(profile=profile, local=local, domain="masks.example", **fields)


def a_domain_mask(profile: Profile, local: str = "shop", **fields: Any) -> DomainMask:
    """Create a domain mask."""
    domain = f"{profile.subdomain}.masks.example"
    return DomainMask.objects.create(profile=profile, local=local, domain=domain, **fields)


def a_held_mail(owner: Profile, age: timedelta = timedelta(days=1), **fields: Any) -> int:
    """Hold a mail of this age; return its id."""
    number = HeldMail.objects.count()
    default: dict[str, Any] = {
        "reason": "spam",
        "sns_message_id": f"sns-{number}",
        "recipient": f"{number:064}",
        "bucket": BUCKET,
        "key": f"held/{number}",
        "size": 100,
        "verdicts": dict.fromkeys(("spam", "virus", "spf", "dkim", "dmarc"), "PASS")
        | {"dmarc_rejects": False},
        "received_at": NOW - age,
        "held_at": NOW - age,
        "expires_at": NOW - age + timedelta(days=30),
    }
    return HeldMail.objects.create(owner=owner, **default | fields).pk


FORWARDED = Forwarded(ForwardReason.EXISTING_MASK)
SNS_MESSAGE_ID = "5ed1a2a2-0000-4000-8000-000000000001"


def arrive(relay: Relay, *to: str, key: str = "key-1") -> Any:
    """Deliver a mail with a fixed SNS message id: a second call is a redelivery."""
    return relay.arrive(*(to or ("x7k2@masks.example",)), key=key, sns_message_id=SNS_MESSAGE_ID)


class TimeIsOver(BaseException):
    """Stands in for the worker's time limit, which can be raised at any point."""
