"""`manage.py rundramatiq`: starts the workers, in place of django-dramatiq's (`relay.worker`)."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django_dramatiq.management.commands import rundramatiq

from runtime.arguments import positive


class Command(BaseCommand):
    """Starts the workers."""

    help = "Starts Dramatiq's workers. It ends when one of them dies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--processes", type=positive, default=os.cpu_count(), help="One a CPU.")
        parser.add_argument("--threads", type=positive, default=8, help="Of each process: 8.")
        parser.add_argument("--queues", nargs="*", help="Only these of Dramatiq's queues.")
        parser.add_argument(
            "--worker-shutdown-timeout",
            type=int,
            default=600_000,
            help="How many milliseconds a stopping worker may take: 600,000.",
        )
        parser.add_argument("--skip-logging", action="store_true", help="Always so; understood.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Become Dramatiq's master."""
        modules = rundramatiq.Command().discover_tasks_modules()
        command = [sys.executable, "-m", "relay.worker", "--path", ".", "--skip-logging", *modules]
        for name in ("processes", "threads", "worker_shutdown_timeout"):
            command += [f"--{name.replace('_', '-')}", str(options[name])]
        if options["queues"]:
            command += ["--queues", *options["queues"]]
        sys.stdout.flush()
        os.execv(sys.executable, command)  # noqa: S606
