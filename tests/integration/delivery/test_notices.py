"""P10 on whole processes: each notice, from what calls for it to SES. Several workers send one."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

import psycopg
import pytest
import redis

from tests.integration.conftest import EMPTY, MASK, OWNER, logged
from tests.unit.emails.builders import complaint
from tests.waiting import wait_until
from tools.aws.bounces import HARD
from tools.aws.fast_aws import FastAws
from tools.aws.ses import REFUSED_DOMAIN
from tools.local.logs import lines
from tools.local.processes import Process
from tools.local.stack import Stack

REPLIES = "replies@masks.example"
REFUSED = HARD | {"status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 on our block list"}
SPAM = HARD | {"status": "5.7.1", "diagnosticCode": "smtp; 554 5.7.1 looks like spam"}
SEALED = (
    "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n"
    "Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n"
)
UNSENDABLE = (
    "Content-Type: multipart/signed; boundary=s\r\n\r\n"
    "--s\r\nContent-Type: a/b; name=setup.exe\r\n\r\nMZ\r\n"
    "--s\r\nContent-Type: application/pgp-signature\r\n\r\nS\r\n--s--\r\n"
)
RENAMED = (
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: a/b; name=server.crt\r\n\r\nPDF\r\n--b--\r\n"
)
PLAIN = "\r\nhello\r\n"


@dataclass
class Running:
    """A relay that runs for all tests of this file."""

    aws: FastAws
    stack: Stack
    bridge: Process
    workers: Process
    database_url: str


class Site:
    """That relay, whose owner gets mail and answers it. What was before is not seen."""

    def __init__(self, running: Running) -> None:
        self.aws, self.stack, self.bridge = running.aws, running.stack, running.bridge
        self._workers, self._database_url = running.workers, running.database_url
        self._first_line = len(self._all_lines())
        self._first_mail = len(self.aws.accepted())
        self._seen = 0

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def receive(self, body: str = PLAIN, sender: str = "ann@sender.example") -> None:
        """Let a mail to the mask arrive."""
        raw = f"From: <{sender}>\r\nTo: {MASK}\r\nMessage-ID: <m1@sender.example>\r\n{body}"
        self.aws.deliver_many([(raw.encode(), [MASK])])

    def forward(self, sender: str = "ann@sender.example") -> str:
        """Forward a mail to the owner; return the id by which it is quoted."""
        before = len(self.sent("kind", "forward"))
        self.receive(sender=sender)
        wait_until("it is sent", lambda: len(self.sent("kind", "forward")) > before, seconds=60)
        return f"<{self.sent('kind', 'forward')[-1]['ses_id']}@email.amazonses.com>"

    def reply(
        self,
        quoted: str,
        body: str = PLAIN,
        author: str = OWNER,
        times: int = 2,
        dmarc: str = "PASS",
        virus: str = "PASS",
    ) -> None:
        """Let an answer arrive: several at once, for several workers."""
        ids = f"In-Reply-To: {quoted}\r\nMessage-ID: <r1@owner.example>\r\n"
        raw = f"From: {author}\r\nTo: {REPLIES}\r\n{ids}{body}".encode()
        self.aws.deliver_many([(raw, [REPLIES])] * times, dmarc=dmarc, virus=virus)

    def sent(self, tag: str, value: str = "") -> list[dict[str, Any]]:
        """Return what SES accepted with this tag."""
        mails = [mail for mail in self.accepted() if tag in mail["tags"]]
        return [mail for mail in mails if value in ("", mail["tags"][tag])]

    def accepted(self) -> list[dict[str, Any]]:
        """Return what SES accepted."""
        return self.aws.accepted(self._first_mail)

    def log(self) -> list[dict[str, object]]:
        """Return what the workers logged."""
        return self._all_lines()[self._first_line :]

    def _all_lines(self) -> list[dict[str, object]]:
        return list(lines(self._workers.log))

    def settled(self, number: int, **fields: str) -> None:
        """Wait until as many recipients were settled so."""
        wanted = {"message": "settled"} | fields

        def are_settled() -> bool:
            return sum(wanted.items() <= line.items() for line in self.log()) >= number

        wait_until(f"{number} settled {fields}", are_settled, seconds=60)

    def new_notices(self) -> list[dict[str, Any]]:
        """Wait until all is done; return the notices that were sent since the last time."""

        def is_done() -> bool:
            failed = {line["sqs_message_id"] for line in logged(self.bridge, "message failed")}
            return self.aws.count(self.aws.queue_url) == len(failed)

        wait_until("all is done", is_done, seconds=60)
        found, self._seen = self.sent("notice")[self._seen :], len(self.sent("notice"))
        return found


@pytest.fixture(scope="module")
def running(
    fast_aws_server: FastAws,
    migrated: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    redis.Redis.from_url(redis_url).flushdb()
    aws = fast_aws_server
    aws.reset()
    aws.publish_send_events()
    with Stack(
        tmp_path_factory.mktemp("notices"),
        aws,
        redis_url=redis_url,
        database_url=migrated,
        MAILBOX_PROBE_AFTER_SECONDS="1,2592000",
        MAILBOX_PROBE_WAIT_SECONDS="1",
    ) as stack:
        bridge = stack.start_bridge()
        workers = stack.start_workers(2, 2, MAX_REPLIES_PER_DAY="20")
        yield Running(aws, stack, bridge, workers, migrated)


@pytest.fixture
def site(running: Running) -> Iterator[Site]:
    site = Site(running)
    site.execute(
        EMPTY,
        "UPDATE emails_profile SET flagged_at = NULL, first_replied_at = NULL,"
        " blocks_spam = false, is_premium = true, language = 'en'",
        "UPDATE emails_randommask SET counted_on = NULL, block = 'none'",
    )
    site.aws.let_bounce({})
    yield site
    site.execute(
        "UPDATE emails_randommask SET block = 'none'",
        "UPDATE emails_profile SET is_premium = false, blocks_spam = false",
    )


def kinds(notices: list[dict[str, Any]]) -> list[str]:
    return [mail["tags"]["notice"] for mail in notices]


def mail_of(notice: dict[str, Any]) -> Message:
    """Return the notice's mail, which goes to the owner and is answered by no machine."""
    mail = message_from_bytes(base64.b64decode(notice["raw"]))
    assert (notice["recipients"], notice["sender"]) == ([OWNER], mail["From"])
    assert mail["Auto-Submitted"] == "auto-generated"
    return mail


def nothing_of_it_is_logged(site: Site) -> None:
    text = str(site.log())
    assert OWNER not in text
    assert MASK not in text


LARGE = "\r\n" + ("x" * 70 + "\r\n") * (41 * 1024 * 1024 // 72)


@pytest.mark.timeout(300)
def test_the_owner_is_told_once_of_each_reply_that_was_not_sent(site: Site) -> None:
    quoted, refused = site.forward(), site.forward(f"bob@{REFUSED_DOMAIN}")
    happenings: dict[str, Callable[[], None]] = {
        "reply_unknown_thread": lambda: site.reply("<unknown@x>"),
        "reply_unproven": lambda: site.reply(quoted, dmarc="FAIL"),
        "reply_not_the_owner": lambda: site.reply(quoted, author="eve@evil.example"),
        "reply_ambiguous_sender": lambda: site.reply(quoted, author=f"{OWNER}, eve@evil.example"),
        "reply_sealed": lambda: site.reply(quoted, SEALED),
        "reply_too_large": lambda: site.reply(quoted, LARGE),
        "reply_refused": lambda: site.reply(refused),
        "reply_virus": lambda: site.reply(quoted, virus="FAIL"),
    }
    for kind, happen in happenings.items():
        happen()
        wait_until(kind, lambda kind=kind: site.sent("notice", kind), seconds=60)  # type: ignore[misc]

        (notice,) = site.new_notices()
        assert kinds([notice]) == [kind]
        assert mail_of(notice)["In-Reply-To"] == "<r1@owner.example>"
        # All that anybody may have written share a slot: as if it were another day.
        site.execute("DELETE FROM emails_delivery WHERE sns_message_id LIKE 'notices-%'")

    assert site.sent("kind", "reply") == []
    site.reply(quoted, RENAMED)
    wait_until("both are sent", lambda: len(site.sent("kind", "reply")) == 2, seconds=60)
    assert kinds(site.new_notices()) == ["reply_renamed"]
    nothing_of_it_is_logged(site)


def test_whoever_forges_replies_causes_one_notice(site: Site) -> None:
    quoted = site.forward()
    for author in (OWNER, "eve@evil.example", f"{OWNER}, eve@evil.example"):
        for thread in (quoted, "<unknown@x>"):
            site.reply(thread, author=author, dmarc="FAIL")

    site.settled(12, outcome="dropped")
    assert len(site.new_notices()) == 1
    assert len(site.accepted()) == 2


def test_a_reply_that_bounces_is_told_of_under_the_owners_own_mail(site: Site) -> None:
    site.aws.let_bounce({"ann@sender.example": HARD})

    site.reply(site.forward())

    site.settled(2, reason="reply_bounced")
    (notice,) = site.new_notices()
    assert kinds([notice]) == ["reply_bounced"]
    assert mail_of(notice)["In-Reply-To"] == "<r1@owner.example>"
    nothing_of_it_is_logged(site)


def test_a_free_owner_is_told_of_the_first_reply_and_of_the_others(site: Site) -> None:
    site.execute("UPDATE emails_profile SET is_premium = false")

    site.reply(site.forward(), times=4)

    site.settled(3, reason="replies_need_premium")
    notices = site.new_notices()
    assert sorted(kinds(notices)) == ["first_reply", "replies_need_premium"]
    assert {mail_of(one)["In-Reply-To"] for one in notices} == {"<r1@owner.example>"}


def test_an_owner_whose_replies_are_paused_is_told(site: Site) -> None:
    site.reply(site.forward(), times=23)

    site.settled(20, outcome="replied")
    site.settled(3, outcome="dropped")
    assert kinds(site.new_notices()) == ["replies_paused"]


def test_an_owner_is_told_of_a_mail_that_can_not_be_sent(site: Site) -> None:
    for _ in range(4):
        site.receive(UNSENDABLE)

    site.settled(4, outcome="held", reason="cannot_be_sent")
    (notice,) = site.new_notices()
    assert kinds([notice]) == ["mail_unsendable"]
    assert mail_of(notice)["In-Reply-To"] == "<m1@sender.example>"
    assert b"digital signature" in base64.b64decode(notice["raw"])
    nothing_of_it_is_logged(site)


@pytest.mark.parametrize(
    ("bounce", "reason", "kind"),
    [
        (REFUSED, "bounce_not_about_mailbox", "mail_refused"),
        (SPAM, "bounced_as_spam", "mail_refused_as_spam"),
    ],
)
def test_an_owner_is_told_what_their_server_refused_and_the_notices_bounce_ends_there(
    site: Site, bounce: dict[str, str], reason: str, kind: str
) -> None:
    site.aws.let_bounce({OWNER: bounce})

    quoted = [site.forward(), site.forward()]

    site.settled(2, reason=reason)
    # The notice's: not even as spam does it say anything of the owner.
    site.settled(1 if kind == "mail_refused_as_spam" else 3, reason="bounce_not_about_mailbox")
    (notice,) = site.new_notices()
    assert kinds([notice]) == [kind]
    assert mail_of(notice)["In-Reply-To"] in quoted


def test_an_owner_is_told_what_their_complaints_changed(site: Site) -> None:
    for number, kind in ((1, "spam_blocking_on"), (2, "mask_disabled")):
        site.aws.notify(complaint(OWNER, source=MASK))
        site.settled(number, outcome="recorded", reason="notice_sent")
        assert kinds(site.new_notices()) == [kind]


@pytest.mark.timeout(240)
def test_an_owner_is_told_once_when_their_mailbox_takes_mail_again(site: Site) -> None:
    site.aws.let_bounce({OWNER: HARD})
    site.forward()
    site.settled(1, reason="hard_bounce")
    site.aws.let_bounce({})
    for _ in range(3):
        site.receive()
    site.settled(3, outcome="held", reason="mailbox")

    def all_arrived() -> bool:
        site.stack.run_job("drive_mailbox_breakers")
        site.stack.run_job("release_held_mails")
        return len(site.sent("kind", "forward")) == 4

    wait_until("all have arrived", all_arrived, seconds=90)

    assert kinds(site.new_notices()) == ["mailbox_back"]
    nothing_of_it_is_logged(site)
