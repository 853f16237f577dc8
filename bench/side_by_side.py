"""Both systems on one queue: `python -m bench.side_by_side [NUMBER]`, by default 500.

So many mails go to masks of Firefox Relay's, and then as many replies to whoever forwarded each.
Firefox Relay is played by a stand-in that follows its rules. Prints how many were lost or doubled.
"""

import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tools.aws.fast_aws import FastAws
from tools.local import ses
from tools.local.aws import BUCKET
from tools.local.firefox_relay import FIRST_DOMAIN, SECOND_DOMAIN, FirefoxRelay
from tools.local.firefox_relay_command import FirefoxRelayCommand
from tools.local.postgres import LocalPostgres
from tools.local.redis import LocalRedis
from tools.local.stack import Stack

_OWNER = "ann@home.example"
_MASKS = 20
_SUBJECT = re.compile(rb"(?mi)^Subject: (?:Re: )?([mr][0-9]+)\r?$")


def main() -> None:
    """Run both, and count."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory(prefix="relay-beside-") as name:
        folder = Path(name)
        postgres, redis, aws = LocalPostgres(folder), LocalRedis(folder), FastAws(folder)
        try:
            _run(folder, postgres, redis, aws, number)
        finally:
            for server in (aws, redis, postgres):
                server.stop()


def _run(
    folder: Path, postgres: LocalPostgres, redis: LocalRedis, aws: FastAws, number: int
) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE theirs")
        connection.execute("CREATE DATABASE ours")
    theirs, ours = (
        urlunsplit(urlsplit(postgres.url)._replace(path=f"/{one}")) for one in ("theirs", "ours")
    )
    website = FirefoxRelay(theirs)
    website.create()
    ann = website.add_owner(_OWNER, account={"subscriptions": ["premium-relay"]})
    for mask in range(_MASKS):
        website.add_mask(ann, f"mask{mask}")
    for domain in (FIRST_DOMAIN, SECOND_DOMAIN):
        aws._ses.create_email_identity(EmailIdentity=domain)  # noqa: SLF001
    settings = {
        "MASK_DOMAINS": f"{SECOND_DOMAIN},{FIRST_DOMAIN}",
        "REPLIES_ADDRESS": f"replies@{SECOND_DOMAIN}",
        "RELAY_FROM_ADDRESS": f"relay@{SECOND_DOMAIN}",
        "RELAY_SOURCE_DATABASE_URL": theirs,
        "RELAY_FIREFOX_DOMAIN": FIRST_DOMAIN,
        "MOZMAIL_DOMAIN": SECOND_DOMAIN,
        "RELAY_SIDE_BY_SIDE": "true",
        "MAX_REPLIES_PER_DAY": "10000",
    }
    with Stack(folder, aws, redis_url=redis.url, database_url=ours, **settings) as stack:
        stack.manage("migrate", "--verbosity", "0")
        stack.manage("import_relay", "--role-may-write")
        stack.start_workers()
        stack.start_bridge(PROCESS_EMAIL_MAX_IN_FLIGHT="10")
        own_queue = aws.overflow_queue_url
        stack.start_bridge(AWS_SQS_EMAIL_QUEUE_URL=own_queue)
        # The stand-in starts at once; the relay takes a while until it receives.
        _deliver(aws, aws.queue_url, f"mask0@{SECOND_DOMAIN}", "first")
        _wait_until_empty(aws, own_queue)
        other = FirefoxRelayCommand(aws.queue_url, aws.endpoint, theirs)
        other.start()
        try:
            _drill(aws, other, own_queue, number)
        finally:
            other.stop()
    website.close()


def _drill(aws: FastAws, other: FirefoxRelayCommand, own_queue: str, number: int) -> None:
    start = len(aws.sent())
    for mail in range(number):
        _deliver(aws, aws.queue_url, f"mask{mail % _MASKS}@{SECOND_DOMAIN}", f"m{mail}")
    _wait_until_empty(aws, own_queue)
    by_us = [(_subject(mail.raw), mail.ses_id) for mail in aws.sent(start)]
    forwarded = dict(by_us)
    print(f"{number} mails: {len(other.sent)} forwarded by the stand-in, {len(by_us)} by us")
    _judge(
        [*other.sent, *(subject for subject, _ in by_us)], [f"m{mail}" for mail in range(number)]
    )
    before, theirs = len(aws.sent()), len(other.sent)
    for mail in range(number):
        subject = f"m{mail}"
        if subject in other.ids:
            address, quoted, queue = f"replies@{FIRST_DOMAIN}", other.ids[subject], aws.queue_url
        else:
            address, quoted, queue = f"replies@{SECOND_DOMAIN}", forwarded[subject], own_queue
        _deliver(aws, queue, address, f"r{mail}", quoted)
    _wait_until_empty(aws, own_queue)
    sent = [_subject(mail.raw) for mail in aws.sent()[before:]]
    print(f"{number} replies: {len(other.sent) - theirs} sent by the stand-in, {len(sent)} by us")
    _judge([*other.sent[theirs:], *sent], [f"r{mail}" for mail in range(number)])


def _deliver(
    aws: FastAws, queue: str, address: str, subject: str, quoted: str | None = None
) -> None:
    sender = _OWNER if quoted else f"bob-{subject}@sender.example"
    thread = f"In-Reply-To: <{quoted}@email.amazonses.com>\r\n" if quoted else ""
    raw = (
        f"From: {sender}\r\nTo: {address}\r\nSubject: {subject}\r\n{thread}"
        f"Message-ID: <{subject}@x.example>\r\n\r\nHello.\r\n"
    ).encode()
    aws._store(subject, raw)  # noqa: SLF001
    notice = ses.received_in_s3(raw, (address,), bucket=BUCKET, key=subject)
    aws.sqs.send_message(QueueUrl=queue, MessageBody=aws._envelope(notice))  # noqa: SLF001


def _wait_until_empty(aws: FastAws, own_queue: str) -> None:
    until = time.monotonic() + 900
    while aws.count(aws.queue_url) + aws.count(own_queue) and time.monotonic() < until:
        time.sleep(0.5)


def _subject(raw: bytes) -> str:
    found = _SUBJECT.search(raw)
    return found[1].decode() if found else "a notice"


def _judge(sent: list[str], expected: list[str]) -> None:
    counts = Counter(sent)
    lost = [one for one in expected if one not in counts]
    doubled = [one for one, count in counts.items() if count > 1]
    print(f"  lost: {lost or 'none'}; doubled: {doubled or 'none'}", flush=True)


if __name__ == "__main__":
    main()
