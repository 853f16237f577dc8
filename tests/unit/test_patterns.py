"""Regular expressions that match the same on every Python we support.

Before 3.11.5 a possessive *group* could match what it must not (gh-106052). A possessive class of
characters was right from the start. The tests below hold us to that, on each interpreter.
"""

import importlib
import pkgutil
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bridge
import emails
import relay
import runtime

_ROOT = Path(__file__).parents[2]
_PACKAGES = (runtime, bridge, emails, relay)
_POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[^{}]*\})\+|\(\?>")
_POSSESSIVE = re.compile(r"([*+?}])\+")

# re's own parser. It has no public name.
_parser: Any = importlib.import_module("re._parser")


def _patterns() -> dict[str, re.Pattern[Any]]:
    """Find the compiled patterns in our modules, those in their dicts among them."""
    found: dict[str, re.Pattern[Any]] = {}
    for package in _PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Web's entry point looks at the database when it is imported.
            if module.name.endswith(("__main__", "wsgi")) or ".local" in module.name:
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                several = value if isinstance(value, dict) else {"": value}
                for key, one in several.items():
                    if isinstance(one, re.Pattern):
                        found[f"{module.name}.{name}{key}"] = one
    return found


def _possessive_groups(tree: Any) -> Iterator[Any]:
    """List the groups that a parsed pattern repeats possessively, and its atomic groups."""
    for op, argument in tree:
        is_repeated = str(op) == "POSSESSIVE_REPEAT" and not _is_one_class(argument[2])
        if is_repeated or str(op) == "ATOMIC_GROUP":
            yield argument
        for inner in _parsed_within(argument):
            yield from _possessive_groups(inner)


def _parsed_within(argument: Any) -> Iterator[Any]:
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for one in argument:
            yield from _parsed_within(one)


def _is_one_class(tree: Any) -> bool:
    return len(tree) == 1 and str(tree[0][0]) in {"IN", "LITERAL", "NOT_LITERAL", "ANY"}


def test_no_pattern_repeats_a_group_possessively() -> None:
    patterns = _patterns()
    wrong = {
        name
        for name, one in patterns.items()
        if any(_possessive_groups(_parser.parse(one.pattern, one.flags)))
    }

    assert wrong == set()
    assert "emails.mime.html._TAG" in patterns


def test_nor_does_one_that_is_written_within_a_function() -> None:
    wrong = [
        f"{path.name}:{number}"
        for package in _PACKAGES
        for path in sorted((_ROOT / package.__name__).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _POSSESSIVE_GROUP.search(line)
    ]

    assert wrong == []


@pytest.mark.parametrize(
    "pattern", ["(?:ab?)*+", "(a|b)++", "(?:ab){2,3}+", "(?>ab)", "x(?:y(?>z))"]
)
def test_a_possessive_group_would_be_found(pattern: str) -> None:
    assert any(_possessive_groups(_parser.parse(pattern)))
    assert _POSSESSIVE_GROUP.search(pattern)


_PIECES = (
    *(
        "<",
        ">",
        "</",
        "<a ",
        "=",
        '"',
        "'",
        "/",
        "//",
        "\\",
        " ",
        "\t",
        "\n",
        "\r\n",
        ":",
        ";",
        "(",
    ),
    *(
        ")",
        "x",
        "name",
        "--",
        "!--",
        "-->",
        "&",
        "&quot;",
        "href=",
        "https://a.example",
        "From ",
        "é",
    ),
    *("<!doctype html>", "<br>", "\r\n more", "a: b\r\n", "~" * 401),
)


@pytest.mark.parametrize(
    "name", [name for name, one in _patterns().items() if _POSSESSIVE.search(str(one.pattern))]
)
def test_a_possessive_class_only_saves_time(name: str) -> None:
    """What is matched is the same as without it: also the proof that this Python has it right."""
    pattern = _patterns()[name]
    is_bytes = isinstance(pattern.pattern, bytes)
    source = pattern.pattern.decode("latin-1") if is_bytes else pattern.pattern
    plain = _POSSESSIVE.sub(r"\1", source)
    other = re.compile(plain.encode("latin-1") if is_bytes else plain, pattern.flags)
    chance = random.Random(name)

    for _ in range(1_000):
        text: Any = "".join(chance.choices(_PIECES, k=chance.randint(1, 20)))
        text = text.encode() if is_bytes else text
        assert _spans(pattern, text) == _spans(other, text), text


def _spans(pattern: re.Pattern[Any], text: Any) -> list[Any]:
    return [found.regs for found in pattern.finditer(text)]
