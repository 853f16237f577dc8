"""Every mail arrives whole, by the word of three readers of mail.

The mails are in `mails/`, and in the folders that JUDGED_MAILS in the environment names, separated
by colons: real mails that are not ours to ship.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from emails.mime.plans import Rewritten
from emails.mime.rewrite_forward import rewrite_forward
from tests.judge import reading, verdict
from tests.judge.reading import Reading
from tests.unit.mime.builders import FORWARD

FOLDERS = [Path(__file__).parent / "mails"]
FOLDERS += map(Path, filter(None, os.environ.get("JUDGED_MAILS", "").split(":")))
MAILS = {mail.name: mail for folder in FOLDERS for mail in sorted(folder.glob("*.eml"))}

PLAN = replace(FORWARD, organizers=lambda organizer: "replies+token@masks.example")

STILL_LOST: dict[str, str] = {}
"""Mails that don't arrive whole yet, and why. One that does fails its test until it is out."""


@pytest.fixture(scope="module")
def rewritten() -> dict[str, Rewritten]:
    return {name: rewrite_forward(mail.read_bytes(), PLAN) for name, mail in MAILS.items()}


@pytest.fixture(scope="module")
def before() -> dict[str, dict[str, Reading]]:
    return _read({name: mail.read_bytes() for name, mail in MAILS.items()})


@pytest.fixture(scope="module")
def after(rewritten: dict[str, Rewritten]) -> dict[str, dict[str, Reading]]:
    return _read({name: mail.raw for name, mail in rewritten.items()})


def _read(mails: dict[str, bytes]) -> dict[str, dict[str, Reading]]:
    if missing := reading.missing():
        if os.environ.get("JUDGE_REQUIRED"):
            pytest.fail(f"the judge needs {missing}")
        pytest.skip(f"NOT MADE: the judge needs {missing}; `make judge` installs what it can")
    return dict(zip(mails, reading.read_all(list(mails.values())), strict=True))


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_arrives_whole(
    name: str,
    request: pytest.FixtureRequest,
    before: dict[str, dict[str, Reading]],
    after: dict[str, dict[str, Reading]],
) -> None:
    if why := STILL_LOST.get(name):
        request.applymarker(pytest.mark.xfail(reason=why, strict=True))

    assert verdict.lost(before[name], after[name]) == []


def test_there_are_mails_and_three_readers(before: dict[str, dict[str, Reading]]) -> None:
    assert len(MAILS) >= 30
    assert {len(one) for one in before.values()} == {3}
