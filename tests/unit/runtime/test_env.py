"""Settings: what is read, what is refused, and in which words."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import env, setting_kinds
from runtime.env import Problem, Retired, SettingsError, load, setting


@dataclass(frozen=True, kw_only=True)
class Example:
    RETIRED: ClassVar = (
        Retired("OLD", "Use SIZE.", is_refused=True),
        Retired("OLDER", "Nothing reads it."),
    )

    size: int = setting("SIZE", setting_kinds.integer(1, 10), help="How many.", default="3")
    name: str = setting("NAME", setting_kinds.text(), help="Which one.")
    secret: str = setting(
        "SECRET",
        setting_kinds.url("redis", allowed="a URL", is_secret=True),
        help="Hidden.",
        default="",
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


def test_a_retired_setting_is_refused_if_it_must_not_vanish_silently() -> None:
    with pytest.raises(SettingsError) as caught:
        load(Example, GOOD | {"OLD": "7"})

    assert str(caught.value) == "settings.OLD has invalid value '7': it is retired. Use SIZE."
    assert load(Example, GOOD | {"OLDER": "7", "OLD": ""}).size == 3
    found = env.find_retired(Example, {"OLD": "7", "OLDER": "7"})
    assert [one.name for one in found] == ["OLD", "OLDER"]


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
        (setting_kinds.integer(0, 5), "0", 0),
        (setting_kinds.boolean(), "TRUE", True),
        (setting_kinds.boolean(), "no", False),
        (setting_kinds.boolean(), "", False),
        (setting_kinds.choice("json", "text"), "text", "text"),
        (setting_kinds.optional(setting_kinds.integer(1, 2)), "", None),
        (setting_kinds.optional(setting_kinds.integer(1, 2)), "2", 2),
        (setting_kinds.comma_separated(setting_kinds.text()), "a, b", ("a", "b")),
        (setting_kinds.folder(), "/", Path("/")),
        (setting_kinds.file_path(), "/not-there", Path("/not-there")),
    ],
)
def test_text_is_read_as_its_kind(
    kind: setting_kinds.Kind[object], text: str, value: object
) -> None:
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (setting_kinds.integer(1, 10), "0"),
        (setting_kinds.integer(1, 10), "eleven"),
        (setting_kinds.integer(1, 10), "1.5"),
        (setting_kinds.boolean(), "maybe"),
        (setting_kinds.choice("json", "text"), "xml"),
        (setting_kinds.text(), ""),
        (setting_kinds.url("http", allowed=""), "ftp://host"),
        (setting_kinds.url("http", allowed=""), "http:/"),
        (setting_kinds.url("http", allowed=""), "http://[bad"),
        (setting_kinds.url("http", allowed=""), "http://host:bad/"),
        (setting_kinds.url("http", allowed=""), "http://host:port"),
        (setting_kinds.url("http", allowed=""), "http://:a/password@host"),
        (setting_kinds.comma_separated(setting_kinds.text()), "a,,b"),
        (setting_kinds.folder(), "/not-there"),
        (setting_kinds.file_path(), "/not-there/file"),
        (setting_kinds.file_path(), "/"),
    ],
)
def test_text_of_another_kind_is_refused(kind: setting_kinds.Kind[object], text: str) -> None:
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
    RETIRED: ClassVar = (env.Retired("OLD_SIZE", "SIZE"), env.Retired("UNUSED", "nothing"))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, []),
        ({"OLD_SIZE": ""}, []),
        ({"OLD_SIZE": "3"}, [env.Retired("OLD_SIZE", "SIZE")]),
        ({"OLD_SIZE": "3", "UNUSED": "x"}, list(WithRetired.RETIRED)),
    ],
)
def test_a_retired_setting_is_found_and_is_no_error(
    environ: dict[str, str], expected: list[env.Retired]
) -> None:
    assert env.find_retired(WithRetired, environ) == expected
    assert env.find_retired(Example, environ) == []
    assert load(WithRetired, GOOD | environ).size == 3
