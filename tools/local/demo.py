"""`make demo`: runs the whole relay on this machine, from mails in to mails out, then stops it.

Exits with 0 if every mail ended as expected, with 1 if one did not, with 130 if interrupted.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools.local import demo_flood
from tools.local.cases import CASES, KEPT, MASKS, OWNERS, REJECTED, Case
from tools.local.interrupts import Interrupted, Interrupts
from tools.local.logs import Logs
from tools.local.processes import NotReady, Process
from tools.local.results import gather, table
from tools.local.stack import ROOT, CommandFailed, Servers, Stack

OUTPUT = ROOT / "demo-mails"
_DEADLINE_SECONDS = 90
_DELETED_SECONDS = 20
_POLL_SECONDS = 0.2
_MAX_RECEIVES = 3
"""Few, so that rejected messages soon reach the dead-letter queue."""
_WIDTH_WITHOUT_TERMINAL = 140

console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)


@dataclass(frozen=True, slots=True)
class Relay:
    """The relay's processes."""

    stack: Stack
    bridge: Process
    workers: Process
    scheduler: Process

    @property
    def processes(self) -> tuple[Process, ...]:
        """The bridge, the workers and the scheduler."""
        return self.bridge, self.workers, self.scheduler


def main() -> int:
    """Run the demo; returns its exit code."""
    interrupts = Interrupts()
    with tempfile.TemporaryDirectory(prefix="relay-demo-") as name:
        try:
            return _run(Path(name), interrupts)
        except Interrupted as interrupted:
            console.print("interrupted; everything has been stopped")
            return interrupted.exit_code
        except (NotReady, CommandFailed) as error:
            console.print(str(error), style="red", markup=False)
            return 1


def _run(folder: Path, interrupts: Interrupts) -> int:
    with _step("starting Redis, PostgreSQL and a local AWS", interrupts):
        servers = Servers(folder)
    servers.aws.use_overflow()
    with (
        servers,
        Stack(
            folder,
            servers.aws,
            redis_url=servers.redis.url,
            database_url=servers.postgres.url,
            AWS_SES_MAX_SEND_RATE=str(demo_flood.SENDS_PER_SECOND),
        ) as stack,
    ):
        with _step("creating the database, owners and masks", interrupts):
            populate(stack, interrupts)
            stack.add_mask(OWNERS[0][0], "--address", demo_flood.MASK)
        with _step("starting the workers, the bridge and the scheduler", interrupts):
            workers = stack.start_workers(processes=2)
            relay = Relay(stack, stack.start_bridge(), workers, stack.start_scheduler())
        return _deliver_all(relay, interrupts)


@contextmanager
def _step(description: str, interrupts: Interrupts) -> Iterator[None]:
    interrupts.check()
    if not console.is_terminal:
        console.print(f"{description} …")
        yield
        return
    with console.status(f"{description} …"):
        yield


def populate(stack: Stack, interrupts: Interrupts) -> None:
    """Create the tables, the owners and their masks."""
    stack.manage("migrate", "--verbosity", "0")
    for owner in OWNERS:
        interrupts.check()
        stack.add_user(*owner)
    for owner_address, local, block in MASKS:
        interrupts.check()
        stack.add_mask(owner_address, "--address", local, "--block", block)


def _deliver_all(relay: Relay, interrupts: Interrupts) -> int:
    aws = relay.stack.aws
    aws.set_max_receives(_MAX_RECEIVES)
    demo_flood.put(aws)
    message_ids = {case.put(aws, case): case for case in CASES}
    # A slow machine takes so long to deliver the flood that much of it has been sent by now.
    sent_before = demo_flood.count_sent(aws.sent())
    logs = Logs(relay.bridge.log, relay.workers.log, message_ids)
    is_finished = _watch(relay, logs, interrupts)
    results = list(gather(message_ids, aws, logs, OUTPUT))
    console.print(table(results))

    problems = [
        f"{result.case.name!r} did not end as expected"
        for result in results
        if not result.is_expected
    ]
    if not is_finished:
        problems.append(f"{aws.count_left()} messages are still in the queue")
    sent = aws.sent()
    if demo_flood.count_sent(sent) != demo_flood.MAILS_OF_FLOOD:
        problems.append(f"{demo_flood.count_sent(sent)} mails of the flood were sent")
    if demo_flood.is_before_others(sent, sent_before):
        problems.append("the others' mail waited for the flood")
    if not _are_deleted(relay, interrupts):
        problems.append("S3 does not hold exactly the mails that were not settled")
    problems += [f"{process.name} ended" for process in relay.processes if not process.is_running()]
    if problems:
        _print_problems(problems, relay)
        return 1
    console.print(
        f"The queue is empty. {len(REJECTED)} rejected messages are in SQS's dead-letter queue. "
        f"The forwarded mails are in {OUTPUT.name}/."
    )
    console.print(
        f"A flood came first: {demo_flood.MAILS_OF_FLOOD} mails to one mask, "
        f"{demo_flood.SENDS_PER_SECOND} a second. When the last of the other mails was there, "
        f"{sent_before} of the flood had been sent; when it was sent, "
        f"{demo_flood.count_before_others(sent)}."
    )
    return 0


def _watch(relay: Relay, logs: Logs, interrupts: Interrupts) -> bool:
    """Show the progress until all mails are settled and the queue is empty; False: timed out."""
    aws = relay.stack.aws
    deadline = time.monotonic() + _DEADLINE_SECONDS
    to_settle = [case for case in CASES if not case.rejected]
    columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        settled = progress.add_task("mails settled", total=len(to_settle))
        flood = progress.add_task("mails of a flood", total=demo_flood.MAILS_OF_FLOOD)
        rejected = progress.add_task("rejected, and in the dead-letter queue", total=len(REJECTED))
        while time.monotonic() < deadline and all(p.is_running() for p in relay.processes):
            interrupts.check()
            progress.update(settled, completed=sum(_is_settled(case, logs) for case in to_settle))
            progress.update(flood, completed=demo_flood.count_sent(aws.sent()))
            progress.update(rejected, completed=aws.count(aws.dead_letter_queue_url))
            if progress.finished and aws.count_left() == 0:
                return True
            time.sleep(_POLL_SECONDS)
    return False


def _are_deleted(relay: Relay, interrupts: Interrupts) -> bool:
    """Check that S3 soon holds only the unsettled mails."""
    deadline = time.monotonic() + _DELETED_SECONDS
    while len(relay.stack.aws.stored_mails()) != len(KEPT):
        if time.monotonic() > deadline:
            return False
        interrupts.check()
        time.sleep(_POLL_SECONDS)
    return True


def _is_settled(case: Case, logs: Logs) -> bool:
    return len(logs.outcomes(case)) >= len(case.outcomes)


def _print_problems(problems: list[str], relay: Relay) -> None:
    for process in relay.processes:
        console.print(f"end of the log of {process.name}:", style="bold")
        console.print(process.tail(), markup=False, highlight=False, soft_wrap=True)
    for problem in problems:
        console.print(f"problem: {problem}", style="red", markup=False)


if __name__ == "__main__":
    sys.exit(main())
