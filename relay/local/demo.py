"""`make demo`: the whole relay on this machine, from mails in to mails out, and then gone again.

Exits with 0 when every mail ended as it must, 1 when one did not, 130 when it was interrupted.
"""

import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from relay.local.aws import LocalAws
from relay.local.cases import CASES, KEPT, MASKS, OWNERS, REJECTED, Case
from relay.local.logs import Logs
from relay.local.processes import NotReady, Process
from relay.local.stack import CommandFailed, Servers, Stack

OUTPUT = Path("demo-mails")
_DEADLINE_SECONDS = 90
_POLL_SECONDS = 0.2

console = Console(width=None if sys.stdout.isatty() else 120)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case."""

    case: Case
    seen: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def expected(self) -> tuple[str, ...]:
        """What must become of it."""
        if self.case.rejected:
            return (f"rejected/{self.case.rejected}",)
        return self.case.outcomes

    @property
    def is_right(self) -> bool:
        """Tell whether it ended as it must, and each forwarded mail was sent once."""
        forwarded = sum(outcome.startswith("forwarded/") for outcome in self.expected)
        return Counter(self.seen) == Counter(self.expected) and len(self.files) == forwarded


def main() -> int:
    """Run the demo; returns its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="relay-demo-"))
    try:
        return _run(folder)
    except KeyboardInterrupt:
        console.print("interrupted; everything that was started is stopped")
        return 130
    except (NotReady, CommandFailed) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path) -> int:
    with console.status("starting Redis, PostgreSQL and a local AWS …"):
        servers = Servers(folder)
    try:
        with Stack(
            folder, servers.aws, redis_url=servers.redis.url, database_url=servers.postgres.url
        ) as stack:
            with console.status("making the database, owners and masks …"):
                populate(stack)
            with console.status("starting the bridge, the workers and the scheduler …"):
                workers = stack.start_workers(processes=2)
                bridge = stack.start_bridge()
                scheduler = stack.start_scheduler()
            return _deliver_all(stack, bridge, workers, scheduler)
    finally:
        # A second Ctrl-C must not leave a server behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        servers.stop()


def populate(stack: Stack) -> None:
    """Make the tables, the owners and their masks."""
    stack.manage("migrate", "--verbosity", "0")
    for owner in OWNERS:
        stack.add_user(*owner)
    for owner_address, local, block in MASKS:
        stack.add_mask(owner_address, "--address", local, "--block", block)


def _deliver_all(stack: Stack, bridge: Process, workers: Process, scheduler: Process) -> int:
    message_ids = {case.put(stack.aws, case): case for case in CASES}
    logs = Logs(bridge.log, workers.log, message_ids)
    is_finished = _watch(stack, bridge, workers, logs)
    results = [Result(case, logs.outcomes(case), files) for case, files in _save_mails(stack.aws)]
    console.print(_table(results))
    problems = [f"{result.case.name} ended otherwise" for result in results if not result.is_right]
    problems += [] if is_finished else ["the queue did not become empty in time"]
    for process in (bridge, workers, scheduler):
        if not process.is_running():
            problems.append(f"{process.name} ended by itself:\n{process.tail()}")
    if len(stack.aws.stored_mails()) != len(KEPT):
        problems.append("S3 does not hold exactly the mails that were not settled")
    for problem in problems:
        console.print(f"not as it should be: {problem}", style="red", markup=False)
    if problems:
        return 1
    console.print(
        f"The queue is empty. {len(REJECTED)} rejected messages lie in SQS's dead-letter queue. "
        f"The forwarded mails are in {OUTPUT}/."
    )
    return 0


def _watch(stack: Stack, bridge: Process, workers: Process, logs: Logs) -> bool:
    """Show the progress until all is settled and the queue is empty; False: it took too long."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    to_settle = [case for case in CASES if not case.rejected]
    columns = (TextColumn("{task.description:<40}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        settled = progress.add_task("mails settled", total=len(to_settle))
        rejected = progress.add_task("rejected, and in the dead-letter queue", total=len(REJECTED))
        while time.monotonic() < deadline and bridge.is_running() and workers.is_running():
            done = sum(len(logs.outcomes(case)) >= len(case.outcomes) for case in to_settle)
            progress.update(settled, completed=done)
            dead_letters = stack.aws.count(stack.aws.dead_letter_queue_url)
            progress.update(rejected, completed=dead_letters)
            if progress.finished and stack.aws.count(stack.aws.queue_url) == 0:
                return True
            time.sleep(_POLL_SECONDS)
    return False


def _save_mails(aws: LocalAws) -> list[tuple[Case, tuple[str, ...]]]:
    """Write what SES was given to send into files, and give their names case by case."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    saved = []
    sent = aws.sent()
    for case in CASES:
        of_case = [mail for mail in sent if mail.sender.split("@")[0] in case.masks]
        names = []
        for number, mail in enumerate(of_case if not case.rejected else [], start=1):
            name = f"{case.name.lower().replace(' ', '-')}-{number}.eml"
            (OUTPUT / name).write_bytes(mail.raw)
            names.append(name)
        saved.append((case, tuple(names)))
    return saved


def _table(results: list[Result]) -> Table:
    table = Table(title="What became of each mail")
    for heading in ("mail", "to", "expected", "became", "forwarded as"):
        table.add_column(heading, overflow="fold")
    for result in results:
        table.add_row(
            result.case.name,
            ", ".join(result.case.masks),
            "\n".join(result.expected),
            ("" if result.is_right else "✗ ") + "\n".join(result.seen or ("nothing",)),
            "\n".join(result.files) or "none",
            style=None if result.is_right else "red",
        )
    return table


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
