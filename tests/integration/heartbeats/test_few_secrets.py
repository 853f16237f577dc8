"""The scheduler and the migrations do their work without a key of ours."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bridge.ledger import keys
from bridge.ledger.heartbeats import Heartbeats, Role
from emails.wire import DEFAULT_QUEUE
from tests.integration.conftest import Relay
from tests.waiting import wait_until
from tools.local import processes

ROOT = Path(__file__).parents[3]
LEAN = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "relay.scheduler_settings"}


def test_a_scheduler_that_knows_redis_alone_enqueues_its_jobs(relay: Relay) -> None:
    program = Path(sys.executable).parent / "periodiq"
    url = relay.stack.environ["REDIS_URL"]
    scheduler = subprocess.Popen(
        [program, "django_dramatiq.setup", "relay.operations.tasks", "emails.tasks"],
        env=LEAN | {"REDIS_URL": url, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    try:
        (found,) = wait_until("a heartbeat", Heartbeats(relay.redis).find_all)
        assert found.process.role is Role.SCHEDULER
        assert wait_until("jobs", lambda: relay.redis.llen(keys.queue(DEFAULT_QUEUE)))
    finally:
        scheduler.terminate()
        scheduler.wait(30)


def test_migrations_that_know_the_database_alone_make_it(process_database_url: str) -> None:
    name = "migrated_alone"
    url = urlunsplit(urlsplit(process_database_url)._replace(path=f"/{name}"))
    with psycopg.connect(process_database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")

    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
    done = processes.run(command, LEAN | {"DATABASE_URL": url})

    assert (done.returncode, done.stderr) == (0, "")
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM django_migrations").fetchone() or (0,)
    assert count > 20
