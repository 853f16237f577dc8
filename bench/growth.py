"""A full database: throughput beside an empty one, in turns, and how fast old rows are removed."""

import json
from contextlib import closing
from typing import Any

import psycopg

from bench import measure
from bench.site import Site

MASKS = 100_000

_FILL = (
    """
    INSERT INTO emails_randommask (profile_id, local, domain, block, label, forwarded, blocked,
        dropped, replied, trackers_removed, created_at)
    SELECT (SELECT min(id) FROM emails_profile), 'full' || n, 'masks.example', 'none', '', 0, 0, 0,
        0, 0, now()
    FROM generate_series(1, %(masks)s) AS n
    """,
    """
    INSERT INTO emails_delivery (sns_message_id, recipient, state, claimed_until, outcome, reason,
        created_at, finished_at, purpose, mask, sqs_message_id, mail_id, sent_as)
    SELECT gen_random_uuid(), md5(n::text) || md5((-n)::text), 'finished', now(), 'forwarded',
        'allowed', now() - (%(rows)s - n) * (interval '20 days' / %(rows)s), now(), 'received',
        'random-1', gen_random_uuid(), gen_random_uuid(), gen_random_uuid()
    FROM generate_series(1, %(rows)s) AS n
    """,
    """
    INSERT INTO emails_reply (lookup, metadata, random_mask_id, created_at)
    SELECT md5(n::text) || md5((-n)::text), decode(repeat('00', 150), 'hex'),
        mask.least + n %% %(masks)s, now() - (%(rows)s - n) * (interval '240 days' / %(rows)s)
    FROM generate_series(1, %(rows)s) AS n,
        (SELECT min(id) AS least FROM emails_randommask WHERE local LIKE 'full%%') AS mask
    """,
    """
    INSERT INTO emails_sendercounter (key, day, mails, bytes, masks)
    SELECT md5(n::text), current_date - (n %% 4), 1, 1, 0 FROM generate_series(1, %(rows)s) AS n
    """,
)

_REMOVE = """
import json, time
from datetime import UTC, datetime, timedelta
from emails.store import retention
now, told = datetime.now(UTC), {}
for name, remove in (
    ("deliveries", lambda: retention.remove_old_deliveries(now)),
    ("replies", lambda: retention.remove_old_replies(now, timedelta(days=180))),
    ("sender_counters", lambda: retention.remove_old_sender_counters(now)),
):
    started = time.monotonic()
    removed = remove()
    told[name] = {"removed": removed, "per_s": removed / (time.monotonic() - started)}
print(json.dumps(told))
"""


def compare(site: Site, *, rows: int, runs: int, messages: int) -> dict[str, list[dict[str, Any]]]:
    """Measure with a database that is nearly empty, and with one that has `rows` of each kind."""
    measured: dict[str, list[dict[str, Any]]] = {"empty": [], "full": [], "removing": []}
    folder = site.folder / "full"
    folder.mkdir()
    folder.chmod(0o755)
    with closing(Site(folder)) as full:
        fill(full, rows)
        for _ in range(runs):
            for name, one in (("empty", site), ("full", full)):
                measured[name].append(measure.throughput(one, messages=messages, threads=4))
        measured["removing"].append(json.loads(full.stack.manage("shell", "-c", _REMOVE)))
    return measured


def fill(site: Site, rows: int) -> None:
    """Fill the tables that grow with each mail, and the masks; a quarter of the rows is too old."""
    with psycopg.connect(site.postgres.url, autocommit=True) as connection:
        for statement in _FILL:
            connection.execute(statement, {"rows": rows, "masks": MASKS})
        connection.execute("VACUUM ANALYZE")
