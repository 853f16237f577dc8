"""`make dev`: the whole relay on this machine, kept running until Ctrl-C, with its admin."""

import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from relay.local.cases import CASES
from relay.local.demo import populate
from relay.local.processes import NotReady
from relay.local.stack import CommandFailed, Servers, Stack

STAFF = "staff"
_POLL_SECONDS = 0.2

console = Console()


def main() -> int:
    """Run until interrupted; returns the exit code."""
    orders: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # Noted, no more: nothing is interrupted half-way, neither the start nor the stop.
        signal.signal(number, lambda number, frame: orders.append(number))
    folder = Path(tempfile.mkdtemp(prefix="relay-dev-"))
    servers = Servers(folder)
    try:
        with Stack(
            folder,
            servers.aws,
            redis_url=servers.redis.url,
            database_url=servers.postgres.url,
            DEBUG="true",
        ) as stack:
            _start(stack, folder)
            while not orders:
                time.sleep(_POLL_SECONDS)
            console.print("stopping …")
        return 0
    except (NotReady, CommandFailed) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _start(stack: Stack, folder: Path) -> None:
    populate(stack)
    password = secrets.token_urlsafe(9)
    stack.environ["DJANGO_SUPERUSER_PASSWORD"] = password
    stack.manage(
        "createsuperuser", "--noinput", "--username", STAFF, "--email", "staff@relay.example"
    )
    del stack.environ["DJANGO_SUPERUSER_PASSWORD"]
    stack.start_workers(processes=2)
    stack.start_bridge()
    stack.start_scheduler()
    _, origin = stack.start_web()
    for case in CASES:
        case.put(stack.aws, case)
    console.print(f"admin:     {origin}/admin/ as {STAFF}, password {password}", highlight=False)
    console.print(f"AWS:       {stack.aws.endpoint}, queue {stack.aws.queue_url}", highlight=False)
    console.print(f"Redis:     {stack.environ['REDIS_URL']}", highlight=False)
    console.print(f"logs:      {folder}/*.log", highlight=False)
    console.print("The demo's mails were delivered. Ctrl-C stops everything.")


if __name__ == "__main__":
    sys.exit(main())
