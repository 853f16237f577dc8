"""Settings: what is read, what is refused, and in which words."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import env
from runtime.env import Problem, SettingsError, load, setting


@dataclass(frozen=True, kw_only=True)
class Example:
    size: int = setting("SIZE", env.integer(1, 10), help="How many.", default="3")
    name: str = setting("NAME", env.text(), help="Which one.")
    secret: str = setting(
        "SECRET", env.url("redis", allowed="a URL", is_secret=True), help="Hidden.", default=""
    )

    def problems(self) -> Iterator[Problem]:
        if self.name == "big" and self.size < 5:
            yield Problem("SIZE", str(self.size), "at least 5 for big")


GOOD = {"NAME": "small", "SECRET": "redis://u:hidden@h/0"}


def test_values_come_from_the_environment_or_from_the_default() -> None:
    assert load(Example, GOOD) == Example(size=3, name="small", secret="redis://u:hidden@h/0")


def test_all_problems_are_reported_at_once_each_with_what_is_allowed() -> None:
    with pytest.raises(SettingsError) as caught:
        load(Example, {"SIZE": "11", "SECRET": "redis://u:hidden@h/0"})

    assert str(caught.value).splitlines() == [
        "settings.SIZE has invalid value '11': a whole number from 1 to 10",
        "settings.NAME is not set: a text",
    ]


def test_values_are_checked_against_each_other() -> None:
    with pytest.raises(SettingsError, match="at least 5 for big"):
        load(Example, GOOD | {"NAME": "big"})


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        load(Example, GOOD | {"SECRET": "http://u:hidden@h/0"})

    assert "hidden" not in str(caught.value)
    assert "settings.SECRET" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (env.integer(0, 5), "0", 0),
        (env.boolean(), "TRUE", True),
        (env.boolean(), "no", False),
        (env.boolean(), "", False),
        (env.choice("json", "text"), "text", "text"),
        (env.optional(env.integer(1, 2)), "", None),
        (env.optional(env.integer(1, 2)), "2", 2),
        (env.comma_separated(env.text()), "a, b", ("a", "b")),
        (env.folder(), "/", Path("/")),
        (env.file_path(), "/not-there", Path("/not-there")),
    ],
)
def test_text_is_read_as_its_kind(kind: env.Kind[object], text: str, value: object) -> None:
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (env.integer(1, 10), "0"),
        (env.integer(1, 10), "eleven"),
        (env.integer(1, 10), "1.5"),
        (env.boolean(), "maybe"),
        (env.choice("json", "text"), "xml"),
        (env.text(), ""),
        (env.url("http", allowed=""), "ftp://host"),
        (env.url("http", allowed=""), "http:/"),
        (env.url("http", allowed=""), "http://[bad"),
        (env.url("http", allowed=""), "http://host:bad/"),
        (env.url("http", allowed=""), "http://host:port"),
        (env.url("http", allowed=""), "http://:a/password@host"),
        (env.comma_separated(env.text()), "a,,b"),
        (env.folder(), "/not-there"),
        (env.file_path(), "/not-there/file"),
        (env.file_path(), "/"),
    ],
)
def test_text_of_another_kind_is_refused(kind: env.Kind[object], text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what matters is that it is one
        kind.parse(text)


@given(st.dictionaries(st.sampled_from(["SIZE", "NAME", "SECRET"]), st.text()))
def test_whatever_the_environment_holds_the_result_is_settings_or_problems(
    environ: dict[str, str],
) -> None:
    with contextlib.suppress(SettingsError):
        load(Example, environ)


@dataclass(frozen=True, kw_only=True)
class WithRetired(Example):
    RETIRED: ClassVar = (env.Retired("OLD_SIZE", "SIZE"), env.Retired("OLDER", "nothing"))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, []),
        ({"OLD_SIZE": ""}, []),
        ({"OLD_SIZE": "3"}, [env.Retired("OLD_SIZE", "SIZE")]),
        ({"OLD_SIZE": "3", "OLDER": "x"}, list(WithRetired.RETIRED)),
    ],
)
def test_a_retired_setting_is_found_and_is_no_error(
    environ: dict[str, str], expected: list[env.Retired]
) -> None:
    assert env.find_retired(WithRetired, environ) == expected
    assert env.find_retired(Example, environ) == []
    assert load(WithRetired, GOOD | environ).size == 3
