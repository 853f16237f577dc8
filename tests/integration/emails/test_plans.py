"""What is done for each mail, and what cleans up, reads an index, however many rows there are.

PostgreSQL is asked for its plan of each statement that is executed, in tables with so many rows
that a statement without an index would be seen.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from emails.store import lookups, retention
from relay.operations.trace import rows
from relay.operations.trace.evidence import Ids
from tests.integration.emails.conftest import FORWARDED, SECRET, Relay, a_mask, an_owner, arrive
from tests.unit.emails.builders import NOW

pytestmark = pytest.mark.django_db

_FILL = (
    """
    INSERT INTO emails_randommask (profile_id, local, domain, block, label, forwarded, blocked,
        dropped, replied, trackers_removed, created_at)
    SELECT %(owner)s, 'm' || n, 'masks.example', 'none', '', 0, 0, 0, 0, 0, %(now)s
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO emails_delivery (sns_message_id, recipient, state, claimed_until, outcome, reason,
        created_at, finished_at, purpose, sqs_message_id, mail_id, sent_as)
    SELECT 'sns' || n, encode(sha256(n::text::bytea), 'hex'), 'finished', %(now)s, 'forwarded',
        'allowed', %(now)s - n * interval '1 minute', %(now)s, 'received', 'sqs' || n, 'mail' || n,
        'ses' || n
    FROM generate_series(1, 60000) AS n
    """,
    """
    INSERT INTO emails_reply (lookup, metadata, random_mask_id, created_at)
    SELECT encode(sha256(n::text::bytea), 'hex'), '', mask.id, %(now)s - n * interval '1 minute'
    FROM generate_series(1, 60000) AS n, (SELECT min(id) AS id FROM emails_randommask) AS mask
    """,
    """
    INSERT INTO emails_sendercounter (key, day, mails, bytes, masks)
    SELECT md5(n::text), %(now)s::date - n / 10000, 1, 1, 0 FROM generate_series(1, 60000) AS n
    """,
    "ANALYZE emails_randommask, emails_delivery, emails_reply, emails_sendercounter",
)
_LARGE = frozenset({"emails_randommask", "emails_delivery", "emails_reply", "emails_sendercounter"})
_EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@contextmanager
def reading_whole_tables() -> Iterator[list[str]]:
    """Collect the statements whose plan reads all rows of a large table."""
    found: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(_EXPLAINED):
            execute(f"EXPLAIN (FORMAT JSON) {sql}", params, many, context)
            (plan,) = context["cursor"].fetchone()
            if any(map(_reads_all, _nodes(plan if isinstance(plan, list) else json.loads(plan)))):
                found.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield found


def _reads_all(node: dict[str, Any]) -> bool:
    is_whole = node["Node Type"] == "Seq Scan"
    # An index is no help if it is read from end to end, looking for rows.
    is_whole |= (
        node["Node Type"].startswith("Index") and "Filter" in node and "Index Cond" not in node
    )
    return is_whole and node.get("Relation Name") in _LARGE


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, list):
        for one in plan:
            yield from _nodes(one)
    elif isinstance(plan, dict):
        if "Node Type" in plan:
            yield plan
        for one in plan.values():
            yield from _nodes(one)


@pytest.fixture
def full() -> None:
    """Fill the tables, beside the one mask that mails go to."""
    owner = an_owner()
    a_mask(owner)
    with connection.cursor() as cursor:
        # The server may be looking at what an earlier test left.
        cursor.execute("SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '120s'")
        for statement in _FILL:
            cursor.execute(statement, {"owner": owner.pk, "now": NOW})


def _forward() -> None:
    assert arrive(Relay()) == (FORWARDED,)


def _trace() -> None:
    sqs, sns, mails = frozenset({"sqs7"}), frozenset({"sns8"}), frozenset({"mail9", "ses10"})
    assert len(rows.find_deliveries(Ids(sqs, sns, mails))) == 4


ACTS: dict[str, Callable[[], object]] = {
    "a mail": _forward,
    "a trace": _trace,
    "a reply": lambda: lookups.find_reply(("<1@sender.example>", "<2@s.example>"), (SECRET,)),
    "nothing to remove": lambda: _remove(NOW - timedelta(days=365)),
    "old rows to remove": lambda: _remove(NOW),
}


def _remove(now: datetime) -> None:
    retention.remove_old_deliveries(now)
    retention.remove_old_replies(now, timedelta(days=30))
    retention.remove_old_sender_counters(now)


def test_no_statement_reads_a_whole_table(full: None) -> None:
    found = {}
    for what, act in ACTS.items():
        with reading_whole_tables() as found[what]:
            act()
    assert not any(found.values()), found
