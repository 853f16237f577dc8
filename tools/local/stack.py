"""The whole relay on this machine: its servers and its processes."""

import json
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import dramatiq

from emails.wire import DEFAULT_QUEUE
from relay.worker.broker import make_broker
from tools.local import processes
from tools.local.aws import LocalAws, SimulatedAws
from tools.local.postgres import LocalPostgres
from tools.local.processes import Process, free_port, is_listening, passed_on
from tools.local.redis import LocalRedis

ROOT = Path(__file__).resolve().parents[2]
_MANAGE = str(ROOT / "manage.py")

TASK_MODULES = (
    "django_dramatiq.setup",
    "django_dramatiq.tasks",
    "relay.operations.tasks",
    "emails.tasks",
)
"""What `manage.py rundramatiq` gives to Dramatiq."""

_QUICK = {
    "PROCESS_EMAIL_WAIT_SECONDS": "1",
    "PROCESS_EMAIL_VISIBILITY_SECONDS": "4",
    "PROCESS_EMAIL_HEARTBEAT_SECONDS": "1",
    "AWS_SES_SEND_EVENT_KEEP_SECONDS": "1",
    # Dramatiq's own variable: how many milliseconds an idle worker sleeps between polls.
    "dramatiq_worker_timeout": "50",
}
"""Short intervals, for quick runs; with the real SQS they would cost more requests."""


class CommandFailed(Exception):
    """A `manage.py` command failed; the text is its error output."""


class Servers:
    """Redis, PostgreSQL and AWS."""

    def __init__(self, folder: Path) -> None:
        with ExitStack() as started:
            self.aws = LocalAws(folder)
            self.aws.publish_send_events()
            started.callback(self.aws.stop)
            self.redis = LocalRedis(folder)
            started.callback(self.redis.stop)
            self.postgres = LocalPostgres(folder)
            started.callback(self.postgres.stop)
            # All have started; from here on, `stop` stops them.
            self._started = started.pop_all()

    def __enter__(self) -> "Servers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop them all."""
        self._started.close()


class Stack:
    """The relay's processes, with an environment that points them to the servers."""

    def __init__(
        self, folder: Path, aws: SimulatedAws, *, redis_url: str, database_url: str, **settings: str
    ) -> None:
        self.aws = aws
        self._folder = folder
        self._processes: list[Process] = []
        self.health_path = folder / "health.json"
        self.environ = (
            passed_on()
            | aws.environ()
            | _QUICK
            | {
                "REDIS_URL": redis_url,
                "DATABASE_URL": database_url,
                "LEDGER_SECRETS": os.environ.get("LEDGER_SECRETS") or secrets.token_hex(32),
                "SECRET_KEY": secrets.token_hex(32),
                "SITE_ORIGIN": "http://127.0.0.1",
                "PROCESS_EMAIL_HEALTHCHECK_PATH": str(self.health_path),
                "PYTHONUNBUFFERED": "1",
            }
            | settings
        )

    def __enter__(self) -> "Stack":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command; returns its output. Raises `CommandFailed`."""
        done = processes.run([sys.executable, _MANAGE, *arguments], self.environ)
        if done.returncode != 0:
            raise CommandFailed(f"manage.py {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def manage_all(self, *commands: Sequence[str]) -> None:
        """Run several `manage.py` commands in one process, since each takes a second to start."""
        calls = [f"call_command(*{list(command)!r})" for command in commands]
        script = ["from django.core.management import call_command", *calls]
        self.manage("shell", "-c", "\n".join(script))

    def add_user(self, *arguments: str) -> dict[str, Any]:
        """Add a user; returns the command's JSON."""
        added: dict[str, Any] = json.loads(self.manage("add_user", *arguments))
        return added

    def add_mask(self, *arguments: str) -> dict[str, Any]:
        """Add a mask; returns the command's JSON."""
        added: dict[str, Any] = json.loads(self.manage("add_mask", *arguments))
        return added

    def start_bridge(self, *arguments: str, **settings: str) -> Process:
        """Start a bridge, without waiting for it."""
        return self.start("bridge", ["-m", "bridge", *arguments], settings)

    def start_workers(self, processes: int = 1, threads: int = 4, **settings: str) -> Process:
        """Start Dramatiq's workers, and wait until they are ready.

        As `manage.py rundramatiq` starts them, but without loading Django once more just for that.
        """
        command = ["-m", "relay.worker", "--path", str(ROOT), "--skip-logging", *TASK_MODULES]
        command += ["--processes", str(processes), "--threads", str(threads)]
        settings = {"DJANGO_SETTINGS_MODULE": "relay.settings"} | settings
        workers = self.start("workers", command, settings)
        ready = "Worker process is ready for action."
        workers.wait_until(lambda: workers.log.read_text().count(ready) >= processes)
        return workers

    def start_scheduler(self) -> Process:
        """Start periodiq."""
        modules = ["relay.operations.tasks", "emails.tasks"]
        command = [str(Path(sys.executable).parent / "periodiq"), "django_dramatiq.setup", *modules]
        return self.start("scheduler", command, {"DJANGO_SETTINGS_MODULE": "relay.settings"})

    def start_web(self, **settings: str) -> tuple[Process, str]:
        """Start the web process, and wait until it listens; returns its URL as well."""
        port = free_port()
        command = ["-m", "gunicorn", "relay.wsgi", "--bind", f"127.0.0.1:{port}"]
        command += ["--no-control-socket"]  # gunicorn would put it into our home folder
        web = self.start("web", command, settings)
        web.wait_until(lambda: is_listening(port))
        return web, f"http://127.0.0.1:{port}"

    def run_job(self, name: str) -> None:
        """Enqueue a periodic job now; the scheduler does so only at its time."""
        broker = make_broker(self.environ["REDIS_URL"])
        broker.enqueue(dramatiq.Message(DEFAULT_QUEUE, name, (), {}, {}))
        broker.close()

    def stop(self) -> None:
        """Stop all processes: ask all, then wait for each."""
        for process in self._processes:
            process.ask_to_stop()
        while self._processes:
            self._processes.pop().stop()

    def start(self, name: str, command: list[str], settings: dict[str, str]) -> Process:
        number = len(self._processes)
        log = self._folder / f"{name}-{number}.log"
        process = Process(name, [sys.executable, *command], self.environ | settings, log)
        self._processes.append(process)
        return process
