"""The local stack starts what the documentation tells operators to start."""

from django.core.management import load_command_class

from tools.local.stack import TASK_MODULES


def test_its_workers_know_the_tasks_that_rundramatiq_finds() -> None:
    command = load_command_class("django_dramatiq", "rundramatiq")

    assert tuple(command.discover_tasks_modules()) == TASK_MODULES
