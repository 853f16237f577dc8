"""The commands that the documentation tells people to type are there, with these options."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")]
PREDECESSORS = "process_emails_from_sqs"
_CODE = re.compile(r"```.*?```|`[^`]+`", re.DOTALL)
_COMMAND = re.compile(r"manage\.py\s+([a-z_]+)([^`|;&)\n]*)")


def told() -> Iterator[tuple[str, str, str]]:
    """Return the page, the command and what follows it, of each `manage.py …` that is told."""
    for page in PAGES:
        for code in _CODE.findall(page.read_text(encoding="utf-8")):
            for found in _COMMAND.finditer(code.replace("\\\n", " ")):
                if found[1] != PREDECESSORS:
                    yield page.name, found[1], found[2]


def parser_of(command: str) -> argparse.ArgumentParser:
    loaded = load_command_class(get_commands()[command], command)
    assert isinstance(loaded, BaseCommand)
    return loaded.create_parser("manage.py", command)


def options_and_actions(parser: argparse.ArgumentParser) -> tuple[set[str], set[str]]:
    """Return the options of a command and of its actions, and the actions' names."""
    options, actions = set(), set()
    for action in parser._actions:
        options |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                actions.add(name)
                options |= options_and_actions(sub)[0]
    return options, actions


@pytest.mark.parametrize(("page", "command", "rest"), sorted(set(told())))
def test_a_documented_command_is_there_with_its_options(page: str, command: str, rest: str) -> None:
    assert command in get_commands(), page
    options, actions = options_and_actions(parser_of(command))
    words = shlex.split(rest.partition("#")[0])

    named = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert named <= options, page
    if actions and words and words[0].islower():
        assert words[0] in actions, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_asks_something_gets_a_terminal(page: Path) -> None:
    """Without one, Django's createsuperuser says "skipped" and exits with 0."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if "kubectl" in line and " exec " in line:
            assert " exec -it " in line, line
