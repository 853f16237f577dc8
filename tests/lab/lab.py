"""A relay's servers and wires, the mails that arrive, and the books on them."""

import base64
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import psycopg
import redis

from bridge.ledger import keys
from emails.wire import BULK_QUEUE, DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from tests.lab.accounts import Account, Books, Keeping, Sending
from tests.lab.wiring import Wiring
from tools.aws.fast_aws import FastAws
from tools.aws.faults import Faults, Refusal, ServiceFaults
from tools.local.logs import lines
from tools.local.postgres import LocalPostgres
from tools.local.processes import Process
from tools.local.stack import Stack

OWNER = "owner@owner.example"
MASKS = tuple(f"mask{number}@masks.example" for number in range(3))
OTHER_OWNER = "other@owner.example"
OTHER_MASKS = ("other0@masks.example", "other1@masks.example")
"""Of another owner, for those who let mailboxes bounce."""
FLOODED_OWNER, FLOODED_MASK = "flooded@owner.example", "flooded@masks.example"
"""Of a third owner: its mask gets more than its daily limit."""

_SUBJECT = re.compile(rb"^Subject: lab (\d+)\r?$", re.MULTILINE)
_ANY_SUBJECT = re.compile(rb"^Subject: [^\r\n]*", re.MULTILINE)
_DELIVERIES = """
SELECT DISTINCT ON (sns_message_id) sns_message_id, state, outcome || ' ' || reason
FROM emails_delivery ORDER BY sns_message_id, id
"""
"""The first of each mail: a release has a delivery of its own."""
_HELD = """
SELECT sns_message_id, state, trim(outcome || ' ' || outcome_reason), releases, key,
       coalesce(ended_at < expires_at, false)
FROM emails_heldmail
"""


@dataclass
class Lab:
    """Servers with an owner and masks; processes that the caller starts through `stack`."""

    aws: FastAws
    redis_url: str
    postgres: LocalPostgres
    stack: Stack
    wiring: Wiring
    everyday: Faults = field(default_factory=Faults)
    """AWS's faults while nothing else is wrong."""
    sqs_ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of each mail's messages, by its SNS message id."""
    delivered: int = 0
    _numbering: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def migrate(self) -> None:
        """Create the tables, the owner and the masks."""
        self.stack.manage_all(
            ("migrate", "--verbosity", "0"),
            ("add_user", OWNER),
            *(("add_mask", OWNER, "--address", mask) for mask in MASKS),
        )

    def deliver(
        self, number: int, masks: tuple[str, ...] = MASKS, *, twice_every: int = 0, **verdicts: str
    ) -> list[str]:
        """Let SES receive mails, for one mask after the other; returns their SNS message ids.

        SNS notifies of every `twice_every`th mail twice. `spam="FAIL"` sets a verdict.
        """
        with self._numbering:
            first, self.delivered = self.delivered, self.delivered + number
        numbers = [
            one
            for one in range(first, first + number)
            for _ in range(2 if twice_every and one % twice_every == 0 else 1)
        ]
        names = [name(one) for one in numbers]
        mails = [(a_mail(one), [masks[one % len(masks)]]) for one in numbers]
        for one, sqs_id in zip(names, self.aws.deliver_many(mails, names, **verdicts), strict=True):
            self.sqs_ids[one].append(sqs_id)
        return names

    def take_in(self, raw: bytes, mask: str) -> str:
        """Let SES receive a mail that it sent, under a subject of ours; returns its SNS id."""
        with self._numbering:
            number, self.delivered = self.delivered, self.delivered + 1
        raw = _ANY_SUBJECT.sub(b"Subject: lab %d" % number, raw, count=1)
        self.sqs_ids[name(number)] += self.aws.deliver_many([(raw, [mask])], [name(number)])
        return name(number)

    def deliver_poison(self) -> tuple[str, bytes]:
        """Deliver one more mail; returns its id, and what only a request to fetch it contains."""
        number, self.delivered = self.delivered, self.delivered + 1
        arrived = self.aws.sign([((a_mail(number), [MASKS[0]]), name(number))])
        self.sqs_ids[name(number)] = self.aws.load(arrived)
        return name(number), b"".join(key.encode() for key in arrived.objects)

    def deliver_refused(self, number: int, octets: int) -> list[str]:
        """Deliver messages that no worker can read; returns their SNS message ids.

        They look like notifications of SES, and become dead letters at once.
        """
        first, self.delivered = self.delivered, self.delivered + number
        names = [name(one) for one in range(first, self.delivered)]
        notice = {"notificationType": "Received", "mail": "x" * octets}
        for one, sqs_id in zip(names, self.aws.notify_many([notice] * number, names), strict=True):
            self.sqs_ids[one].append(sqs_id)
        return names

    def suffer(self, **services: ServiceFaults) -> None:
        """Give some of AWS's services other faults than the everyday ones; none: `suffer()`."""
        changes: dict[str, Any] = services
        self.aws.set_faults(replace(self.everyday, **changes))

    def refuse(self, service: str, status: int, code: str, message: str = "") -> None:
        """Let a service of AWS answer every request with an error."""
        self.suffer(**{service: ServiceFaults(refused=Refusal(status, code, message))})

    def requests(self, operation: str, verdict: str = "answered") -> int:
        """Return how many requests AWS got for an operation, such as `ses.SendEmail`."""
        counted: int = self.aws.statistics()["requests"].get(operation, {}).get(verdict, 0)
        return counted

    def sent(self) -> dict[str, list[Sending]]:
        """Return what SES accepted, by SNS message id."""
        found = defaultdict(list)
        for mail in self.aws.accepted():
            number = _SUBJECT.search(base64.b64decode(mail["raw"]))
            if number is None:
                known = (*MASKS, *OTHER_MASKS, FLOODED_MASK)
                assert mail["sender"] not in known, "an unknown mail was sent"
                continue  # a notice
            sending = Sending(mail["at"], mail["access_key"], mail["bounced"])
            found[name(int(number[1]))].append(sending)
        return found

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement past the wires, in a session that may write; returns its rows."""
        with psycopg.connect(
            self.database_url, autocommit=True, options="-c default_transaction_read_only=off"
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def deliveries(self) -> dict[str, str]:
        """Return the state of each delivery in the database, by SNS message id."""
        return {str(mail): str(state) for mail, state, _ in self.execute(_DELIVERIES)}

    def held(self) -> dict[str, Keeping]:
        """Return what became of each held mail, by SNS message id."""
        stored = set(self.aws.stored_mails())
        return {
            mail: Keeping(state, outcome, releases, key in stored, ended_early)
            for mail, state, outcome, releases, key, ended_early in self.execute(_HELD)
        }

    @property
    def database_url(self) -> str:
        """The processes' database, past the wires."""
        return self.stack.environ["DATABASE_URL"]

    def left(self) -> int:
        """Return how many messages SQS still has, its dead-letter queue included."""
        return self.aws.count_left() + self.aws.count(self.aws.dead_letter_queue_url)

    def queued(self) -> set[str]:
        """Return the ids of the messages that SQS still has, but for its dead-letter queue."""
        urls = (self.aws.queue_url, self.aws.overflow_queue_url)
        return set().union(*map(self.aws.all_message_ids, urls))

    def ids(self) -> dict[str, list[str]]:
        """Return the ids of each mail's messages in SQS, those in the overflow queue included."""
        found = {mail: list(ids) for mail, ids in self.sqs_ids.items()}
        for sqs_id, mail in self.aws.sns_ids(self.aws.overflow_queue_url).items():
            if mail in found:
                found[mail].append(sqs_id)
        return found

    def books(self, bridges: Iterable[Process]) -> Books:
        """Account for every mail."""
        sent, held = self.sent(), self.held()
        deliveries = {mail: (state, outcome) for mail, state, outcome in self.execute(_DELIVERIES)}
        queued = self.queued()
        given_up = self.aws.all_message_ids(self.aws.dead_letter_queue_url)
        receives = self.aws.receives(self.aws.queue_url)
        receives |= self.aws.receives(self.aws.overflow_queue_url)
        failures = failures_by_sqs_id(bridges)
        return Books(
            [
                Account(
                    mail,
                    sent.get(mail, []),
                    deliveries.get(mail, ("", ""))[0],
                    receives={one: receives.get(one, 0) for one in ids},
                    is_queued=not queued.isdisjoint(ids),
                    is_given_up=not given_up.isdisjoint(ids),
                    failures=[reason for one in ids for reason in failures.get(one, ())],
                    outcome=deliveries.get(mail, ("", ""))[1].strip(),
                    held=held.get(mail),
                )
                for mail, ids in self.ids().items()
            ],
            dead_letters(redis.Redis.from_url(self.redis_url)),
        )


def failures_by_sqs_id(bridges: Iterable[Process]) -> dict[str, list[str]]:
    """Return why messages were dead-lettered, by SQS message id, from the bridges' logs."""
    found: dict[str, list[str]] = defaultdict(list)
    for bridge in bridges:
        for line in lines(bridge.log):
            if line["message"] == "message failed":
                found[line["sqs_message_id"]].append(line["error"])
    return found


def dead_letters(client: "redis.Redis") -> Counter[str]:
    """Count the dead letters in Redis, by reason."""
    reasons: Counter[str] = Counter()
    for queue in (INBOUND_QUEUE, BULK_QUEUE, FEEDBACK_QUEUE, DEFAULT_QUEUE):
        found = cast("list[bytes]", client.zrange(keys.dead_letters(queue), 0, -1))
        for one in found:
            reason = cast("bytes | None", client.get(keys.reason_of(one.decode())))
            reasons[(reason or b"unknown").decode()] += 1
    return reasons


def name(number: int) -> str:
    """Return the SNS message id of a mail."""
    return f"lab-{number:06}"


def a_mail(number: int) -> bytes:
    """Make a small mail that says its number."""
    return (
        b"From: Ann <ann@sender.example>\r\nTo: somebody@masks.example\r\n"
        b"Subject: lab %d\r\nMessage-ID: <%d@sender.example>\r\n\r\nhello\r\n" % (number, number)
    )


def now() -> float:
    """Return the time as SES and SQS stamp it."""
    return time.time()
