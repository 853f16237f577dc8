"""`make dev`: runs the whole relay on this machine, with its admin, until Ctrl-C."""

import os
import secrets
import shlex
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tools.local import canary
from tools.local.aws import MASK_DOMAIN
from tools.local.cases import CASES, MAILS
from tools.local.demo import populate
from tools.local.drop import DropFolder
from tools.local.interrupts import Interrupted, Interrupts
from tools.local.processes import NotReady
from tools.local.stack import ROOT, CommandFailed, Servers, Stack

STAFF = "staff"
CANARY = f"canary@{MASK_DOMAIN}"
_POLL_SECONDS = 0.5

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Run until interrupted; returns the exit code, 0 for an interrupt."""
    interrupts = Interrupts()
    with tempfile.TemporaryDirectory(prefix="relay-dev-") as name:
        try:
            _run(Path(name), interrupts)
        except Interrupted:
            console.print("stopped")
        except (NotReady, CommandFailed) as error:
            console.print(str(error), style="red", markup=False)
            return 1
    return 0


def _run(folder: Path, interrupts: Interrupts) -> None:
    console.print("starting …")
    with (
        Servers(folder) as servers,
        Stack(
            folder,
            servers.aws,
            redis_url=servers.redis.url,
            database_url=servers.postgres.url,
            DEBUG="true",
            CANARY_MASK=CANARY,
        ) as stack,
    ):
        populate(stack, interrupts)
        stack.add_user(canary.OWNER)
        stack.add_mask(canary.OWNER, "--address", CANARY.partition("@")[0])
        password = _add_staff(stack)
        stack.start_workers(processes=2)
        stack.start_bridge()
        stack.start_scheduler()
        _, origin = stack.start_web()
        for case in CASES:
            case.put(stack.aws, case)
        drop, way_back = DropFolder(stack.aws, folder), canary.WayBack(stack.aws, CANARY)
        _print_addresses(stack, folder, drop, f"{origin}/admin/ as {STAFF}, password {password}")
        try:
            while True:
                interrupts.check()
                drop.poll()
                way_back.poll()
                time.sleep(_POLL_SECONDS)
        except Interrupted:
            console.print("stopping, which takes a few seconds …")
            raise


def _add_staff(stack: Stack) -> str:
    password = secrets.token_urlsafe(9)
    stack.environ["DJANGO_SUPERUSER_PASSWORD"] = password
    stack.manage(
        "createsuperuser", "--noinput", "--username", STAFF, "--email", "staff@relay.example"
    )
    del stack.environ["DJANGO_SUPERUSER_PASSWORD"]
    return password


def _write_environment(stack: Stack, folder: Path) -> Path:
    """Write what `manage.py` needs to reach this relay, as a script for a shell."""
    path = folder / "environment"
    path.touch(mode=0o600)
    new = {name: text for name, text in stack.environ.items() if os.environ.get(name) != text}
    path.write_text("".join(f"export {name}={shlex.quote(text)}\n" for name, text in new.items()))
    return path


def _print_addresses(stack: Stack, folder: Path, drop: DropFolder, admin: str) -> None:
    example = (MAILS / "plain.eml").relative_to(ROOT)
    lines = {
        "admin": admin,
        "dashboard": admin.partition(" ")[0] + "dashboard/",
        "AWS": f"{stack.aws.endpoint}, queue {stack.aws.queue_url}",
        "Redis": stack.environ["REDIS_URL"],
        "PostgreSQL": stack.environ["DATABASE_URL"],
        "logs": f"{folder}/*.log",
        "commands": f"(. {_write_environment(stack, folder)}; python manage.py status)",
        "sent mails": f"{drop.outbox}/",
        "send one": f"cp {example} {drop.inbox}/",
    }
    for label, text in lines.items():
        console.print(f"{label + ':':<12} {text}", markup=False)
    console.print("The demo's mails have been delivered. Ctrl-C stops everything.")


if __name__ == "__main__":
    sys.exit(main())
