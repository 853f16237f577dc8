"""Numbers that commands take: a wrong one is refused with what is allowed."""

from argparse import Action, ArgumentParser, ArgumentTypeError
from collections.abc import Iterator

import pytest
from django.core.management import get_commands, load_command_class

from runtime.arguments import positive

COUNTS = ("--limit", "--number", "--processes", "--threads")


@pytest.mark.parametrize("text", ["1", "20", " 7 ", "1000000"])
def test_a_whole_number_from_one_on_is_taken(text: str) -> None:
    assert positive(text) == int(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", ""])
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"a whole number of 1 or more, not "):
        positive(text)


def actions(parser: ArgumentParser) -> Iterator[Action]:
    """Yield the arguments of a command and of its subcommands."""
    for action in parser._actions:
        yield action
        if isinstance(action.choices, dict):
            for below in action.choices.values():
                yield from actions(below)


def test_every_command_refuses_a_count_below_one() -> None:
    taken = {
        (name, action.type)
        for name, app in get_commands().items()
        if app.partition(".")[0] in {"relay", "emails"}
        for action in actions(load_command_class(app, name).create_parser("manage.py", name))
        if set(action.option_strings) & set(COUNTS)
    }
    assert len(taken) >= 6
    assert {kind for _, kind in taken} == {positive}
