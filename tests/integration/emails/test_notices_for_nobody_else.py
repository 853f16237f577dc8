"""P10 as a property: whatever comes in, notices go to owners only, and few.

No inbound mail, forged or not, and no bounce or complaint makes the relay send a notice to anybody
but the owner it is about, at the address on file, nor more than one of a kind for a mask and a day.
"""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from emails.models import RandomMask
from emails.rules.notice_kinds import TELLINGS, UNPROVEN, Way
from emails.rules.notice_slots import BY_STRANGERS, MAX_BY_STRANGERS
from emails.values.deliveries import Outgoing
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import Outcome, RefuseReason, RetryReason
from tests.integration.emails.conftest import Relay, a_mask, an_owner
from tests.integration.emails.notices import SEALED, UNSENDABLE
from tests.integration.emails.replies.conftest import REPLY, a_forwarded_mail
from tests.unit.emails.builders import bounce, complaint

ANN, EVA = "ann@owner.example", "eva@owner.example"
OWNERS = {"a1": ANN, "a2": ANN, "e1": EVA}
STRANGERS = ["bob@sender.example", "eve@evil.example"]
REPLIES = "replies@masks.example"
THREADS = [*OWNERS, "unknown", ""]

MAILS = st.fixed_dictionaries(
    {
        "what": st.just("mail"),
        "to": st.sampled_from(
            [REPLIES] * 14
            + [f"{local}@masks.example" for local in (*OWNERS, "nobody", "noreply")]
            + ["relay@masks.example"]
        ),
        "from": st.sampled_from(
            [ANN, EVA, "Ann+tag@owner.example", *STRANGERS, f"{ANN}, {STRANGERS[1]}", ""]
        ),
        "source": st.sampled_from([ANN, EVA, *STRANGERS, "", "relay@masks.example"]),
        "thread": st.sampled_from(THREADS),
        "verdicts": st.fixed_dictionaries(
            {
                name: st.sampled_from(["PASS", "PASS", "FAIL", "GRAY", "PROCESSING_FAILED"])
                for name in ("dmarc", "spf", "dkim")
            }
            | {name: st.sampled_from(["PASS"] * 5 + ["FAIL"]) for name in ("spam", "virus")}
        ),
        "extra": st.sampled_from(
            [{}] * 12
            + [
                {"Auto-Submitted": "auto-replied"},
                {"X-Mail-Relay-Loop": "notice"},
                {"Precedence": "bulk"},
                {"Reply-To": STRANGERS[1], "Return-Path": STRANGERS[1], "Sender": STRANGERS[1]},
                {"Disposition-Notification-To": STRANGERS[1], "Message-ID": "<m\u00e9>"},
            ]
        ),
        "raw": st.sampled_from([REPLY, SEALED, UNSENDABLE, b"From: x@y.example\r\n\r\nhi\r\n"]),
        "times": st.integers(1, 3),
        "fails": st.sampled_from(
            [None] * 8
            + [
                Refused(RefuseReason.SEND_REJECTED),
                NotFinished(RetryReason.SENDER_THROTTLED),
                ValueError("a bug"),
            ]
        ),
    }
)
FEEDBACK = st.fixed_dictionaries(
    {
        "what": st.sampled_from(["bounce", "complaint"]),
        "of": st.integers(0, 5),
        "is_tagged": st.booleans(),
        "address": st.sampled_from([None, ANN, EVA, *STRANGERS, "no address", ""]),
        "source": st.sampled_from([f"{local}@masks.example" for local in OWNERS]),
        "says": st.sampled_from(
            [
                {"status": "5.7.1"},
                {"status": "5.7.1", "diagnostic": "554 spam"},
                {"status": "5.1.1"},
                {"kind": "Transient"},
            ]
        ),
    }
)
STEPS = st.lists(MAILS | MAILS | MAILS | FEEDBACK | st.just({"what": "next day"}), max_size=20)

PASSED = dict.fromkeys(("dmarc", "spf", "dkim", "spam", "virus"), "PASS")
FORGED = PASSED | dict.fromkeys(("dmarc", "spf", "dkim"), "FAIL")


def a_reply(thread: str, author: str, verdicts: dict[str, str], **changes: Any) -> dict[str, Any]:
    default: dict[str, Any] = {"what": "mail", "to": REPLIES, "thread": thread, "times": 2}
    default |= {"from": author, "source": author, "verdicts": verdicts}
    return default | {"extra": {}, "raw": REPLY, "fails": None} | changes


FORGERS = [
    a_reply(thread, author, verdicts)
    for thread in THREADS
    for author in (ANN, STRANGERS[1], f"{ANN}, {STRANGERS[1]}")
    for verdicts in (FORGED, FORGED | {"virus": "FAIL"})
]
BAD_REPLIES = [
    a_reply(thread, author, verdicts, raw=raw)
    for thread, author in (("a1", ANN), ("a2", ANN), ("e1", EVA), ("unknown", ANN))
    for verdicts, raw in ((PASSED, SEALED), (PASSED | {"virus": "FAIL"}, REPLY), (PASSED, REPLY))
]
NEXT_DAY = [{"what": "next day"}]


def is_proven(step: dict[str, Any], owners: set[str]) -> bool:
    """Whether an owner provably wrote this: by DMARC, or where it says nothing by SPF."""
    author, verdicts = step["from"].lower().replace("+tag", ""), step["verdicts"]
    by_spf = verdicts["spf"] == "PASS" and step["source"].endswith("@owner.example")
    is_undecided = verdicts["dmarc"] in ("GRAY", "PROCESSING_FAILED")
    return author in owners and (verdicts["dmarc"] == "PASS" or (is_undecided and by_spf))


class Witness:
    """A relay, and what it may have sent."""

    def __init__(self, *, is_premium: bool) -> None:
        self.relay = Relay()
        self.relay.with_policy(max_replies_per_day=2)
        ann = an_owner(ANN, is_premium=is_premium)
        eva = an_owner(EVA, is_premium=is_premium)
        for local in OWNERS:
            a_mask(ann if OWNERS[local] == ANN else eva, local)
        self.quoted = {local: a_forwarded_mail(self.relay, local) for local in OWNERS}
        self.masks = {f"random-{mask.pk}": mask.local for mask in RandomMask.objects.all()}
        self.seen = len(self.relay.mailer.sent)
        self.today: Counter[tuple[str, ...]] = Counter()

    def take(self, step: dict[str, Any]) -> None:
        match step["what"]:
            case "next day":
                self.relay.pass_time(timedelta(days=1))
                self.today.clear()
            case "mail":
                for _ in range(step["times"]):
                    self._receive(step)
            case "bounce" | "complaint":
                self._feed_back(step)

    def check(self, may_be_told: set[str]) -> None:
        """Look at what was sent since the last time."""
        new = self.relay.mailer.sent[self.seen :]
        self.seen += len(new)
        for mail in new:
            tags = dict(mail.tags)
            if tags["kind"] == "notice":
                self._check_notice(mail, tags, may_be_told)
            if tags["kind"] == "forward":
                assert mail.recipient == OWNERS[self.masks[tags["mask"]]]

    def _check_notice(self, mail: Outgoing, tags: dict[str, str], may_be_told: set[str]) -> None:
        kind, mask = tags["notice"], self.masks.get(tags.get("mask", ""), "")
        assert mail.sender == "relay@masks.example"
        assert mail.recipient in {ANN, EVA} & may_be_told
        assert mask == "" or OWNERS[mask] == mail.recipient
        self.today[mail.recipient, kind, mask] += 1
        assert self.today[mail.recipient, kind, mask] == 1
        groups = {"unproven": UNPROVEN, "strangers'": BY_STRANGERS}
        for name in (name for name, kinds in groups.items() if kind in kinds):
            self.today[mail.recipient, name] += 1
        assert self.today[mail.recipient, "unproven"] <= 1
        assert self.today[mail.recipient, "strangers'"] <= MAX_BY_STRANGERS

    def _receive(self, step: dict[str, Any]) -> None:
        quoted = self.quoted.get(step["thread"], f"<{step['thread']}@x>")
        headers = {"From": step["from"], "In-Reply-To": quoted, "Message-ID": "<r@x.example>"}
        headers |= step["extra"]
        self.relay.mailer.fails = [step["fails"]] if step["fails"] else ()
        outcomes: tuple[Outcome, ...] = ()
        with suppress(Refused, NotFinished, ValueError):
            details = {"headers": headers, "source": step["source"], **step["verdicts"]}
            outcomes = self.relay.arrive(step["to"], raw=step["raw"], **details)
        self.relay.mailer.fails = ()
        is_reply = step["to"].startswith("replies@")
        table = TELLINGS[Way.REPLY if is_reply else Way.MAIL]
        assert set(outcomes) <= set(table), "an outcome that nobody has thought of"
        local = step["thread"] if is_reply else step["to"].partition("@")[0]
        # The thread's owner, or else the mask's, or whoever the mail names as its author.
        named = {one for one in (ANN, EVA) if one.split("@")[0] in step["from"].lower()}
        may_be_told = {OWNERS[local]} if local in OWNERS else named
        before = self.seen
        self.check(may_be_told)
        if is_reply and not is_proven(step, may_be_told):
            told = [dict(mail.tags)["notice"] for mail in self.relay.mailer.sent[before:]]
            assert set(told) <= UNPROVEN, "a stranger made us say more than that"

    def _feed_back(self, step: dict[str, Any]) -> None:
        sent = self.relay.mailer.sent
        mail = sent[-1 - step["of"] % len(sent)]
        shape, tags = "notificationType", None
        source = step["source"]
        if step["is_tagged"]:
            shape, tags, source = "eventType", dict(mail.tags), mail.sender
        address = mail.recipient if step["address"] is None else step["address"]
        details = {"shape": shape, "tags": tags, "source": source, "destination": [mail.recipient]}
        of_notice = step["is_tagged"] and dict(mail.tags)["kind"] == "notice"
        if step["what"] == "bounce":
            outcomes = self.relay.notify(bounce(address, **details, **step["says"]))
        else:
            outcomes = self.relay.notify(complaint(address, **details))
        assert set(outcomes) <= set(TELLINGS[Way.FEEDBACK])
        is_quiet = of_notice and step["what"] == "bounce"
        masks = self.masks.get(dict(tags or {}).get("mask", ""), source.partition("@")[0])
        self.check(set() if is_quiet else {OWNERS.get(masks, mail.recipient)})


@pytest.mark.timeout(300)
@settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, is_premium=st.booleans())
@example(steps=FORGERS + NEXT_DAY + FORGERS, is_premium=True)
@example(steps=BAD_REPLIES + BAD_REPLIES + NEXT_DAY + BAD_REPLIES, is_premium=True)
@example(steps=BAD_REPLIES, is_premium=False)
def test_whatever_comes_in_only_the_owner_is_told_and_of_each_kind_once_a_day(
    db: None, steps: list[dict[str, Any]], is_premium: bool
) -> None:
    with transaction.atomic():
        witness = Witness(is_premium=is_premium)
        for step in steps:
            witness.take(step)
        transaction.set_rollback(True)
