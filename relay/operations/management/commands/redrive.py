"""`manage.py redrive`: move SQS's dead letters back to their queue."""

import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from relay.operations.redrive import MAX_PER_SECOND, MoveStatus, MoveTask, Redrive, RedriveFailed

_LOOK_SECONDS = 2.0


class Command(BaseCommand):
    """Start SQS's move task, and show its progress until it ends."""

    help = (
        "Start SQS's own task that moves the messages of the dead-letter queue "
        "(AWS_SQS_EMAIL_DLQ_URL) back to their source queue, and show its progress. The task "
        "continues in AWS if this command is interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--status", action="store_true", help="only show the last task")
        what.add_argument("--cancel", action="store_true", help="stop the running task")
        what.add_argument(
            "--per-second",
            type=_speed,
            metavar="N",
            help=f"move at most N messages per second, 1 to {MAX_PER_SECOND}; default: no limit",
        )
        parser.add_argument("--no-wait", action="store_true", help="don't wait for the task to end")

    def handle(
        self, *, status: bool, cancel: bool, per_second: int | None, no_wait: bool, **_: Any
    ) -> None:
        """Run the command. Raises `CommandError` if AWS refuses, or the task fails."""
        url = settings.CONFIG.dead_letter_queue_url
        if url is None:
            raise CommandError("AWS_SQS_EMAIL_DLQ_URL is not set: it is the queue to redrive.")
        try:
            redrive = Redrive(url, settings.CONFIG.region)
            if status or cancel:
                self._end_or_show(redrive, cancel=cancel)
                return
            redrive.start(per_second)
            if no_wait:
                self.stdout.write("The task is running; `manage.py redrive --status` shows it.")
                return
            self._watch(redrive)
        except RedriveFailed as error:
            raise CommandError(str(error)) from error

    def _end_or_show(self, redrive: Redrive, *, cancel: bool) -> None:
        task = redrive.newest()
        if task is None:
            self.stdout.write("No task was started yet.")
            return
        if cancel:
            if task.status is not MoveStatus.RUNNING:
                raise CommandError(f"No task is running; the last one is {_shown(task)}")
            redrive.cancel(task)
            task = redrive.newest() or task
        self.stdout.write(_shown(task))

    def _watch(self, redrive: Redrive) -> None:
        shown = ""
        while (task := redrive.newest()) is None or not task.status.is_over:
            if task is not None and _shown(task) != shown:
                shown = _shown(task)
                self.stdout.write(shown)
            time.sleep(_LOOK_SECONDS)
        if task.status is MoveStatus.FAILED:
            raise CommandError(_shown(task))
        self.stdout.write(_shown(task))


def _shown(task: MoveTask) -> str:
    of = "" if task.to_move is None else f" of about {task.to_move}"
    because = f" ({task.failure})" if task.failure else ""
    return f"{task.status.lower()}{because}: {task.moved}{of} messages moved"


def _speed(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PER_SECOND:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_PER_SECOND}")
    return int(text)
