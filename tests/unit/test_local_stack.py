"""The local stack starts what the documentation tells operators to start."""

from django_dramatiq.management.commands.rundramatiq import Command

from tools.local.stack import TASK_MODULES


def test_its_workers_know_the_tasks_that_rundramatiq_finds() -> None:
    assert tuple(Command().discover_tasks_modules()) == TASK_MODULES
