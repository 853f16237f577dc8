"""Dates and ids that mail programs write, beside those of RFC 5322."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.mime.dates import read_date
from emails.mime.issues import Issue
from tests.unit.mime.builders import FORWARD, a_mail, forward, read

DAY = "Mon, 2 Nov 2026"

STANDARD = {
    f"{DAY} 10:00:00 +0200": 8,
    f"{DAY} 10:00:00 -0500": 15,
    f"{DAY} 10:00:00 -0000": 10,
    f"{DAY} 10:00 +0000 (UTC)": 10,
    f"{DAY} 10:00:00 -0700 (PDT)": 17,
    f"{DAY} 10:00:00 EST": 15,
    f"{DAY} 10:00:00 GMT": 10,
    "2 Nov 26 10:00 +0000": 10,
}
ODD = {
    f"{DAY} 10:00:00 PM +0000": 22,
    f"{DAY} 10:00:00PM +0000": 22,
    f"{DAY} 10:00 p.m. +0100": 21,
    f"{DAY} 12:30 AM +0000": 0,
    f"{DAY} 12:30:00 PM +0000": 12,
    f"{DAY} 22:00:00 PM +0000": 22,
    f"{DAY} 10:00:00 AM -0500": 15,
    "Nov 2, 2026 10:00:00 PM": 22,
    f"{DAY} 10:00:00 +-0500": 15,
    f"{DAY} 10:00:00 --0500": 15,
    f"{DAY} 10:00:00 +02:00": 8,
    f"{DAY} 10:00:00 +2": 8,
    f"{DAY} 10:00:00 GMT+0200": 8,
    f"{DAY} 10:00:00 UTC+02:00": 8,
    f"{DAY} 10:00:00 CET": 9,
    f"{DAY} 10:00:00 CEST": 8,
    f"{DAY} 10:00:00 BST": 9,
    f"{DAY} 10:00:00 JST": 1,
    f"{DAY} 10:00:00 AEST": 0,
    f"{DAY} 10:00:00 HST": 20,
    f"{DAY} 10:00:00 A": 10,
    f"{DAY} 10:00:00 Europe/Berlin": 10,
    f"{DAY} 10:00:00 +9999": 10,
    f"{DAY} 10:00:00 (PDT)": 17,
    f"{DAY} 10:00:00": 10,
    "Mon Nov  2 10:00:00 2026": 10,
    "Mon Nov 02 2026 10:00:00 GMT+0200 (CEST)": 8,
    "2026-11-02T10:00:00Z": 10,
    "2026-11-02 10:00:00 +0100": 9,
}


@pytest.mark.parametrize(("written", "hour"), [*STANDARD.items(), *ODD.items()])
def test_a_date_keeps_its_hour_and_an_odd_one_is_named(written: str, hour: int) -> None:
    result = forward(a_mail(Date=written))

    date = read(result.raw)["Date"].datetime.astimezone(UTC)
    assert (date.date(), date.hour) == (datetime(2026, 11, 2, tzinfo=UTC).date(), hour)
    assert (Issue.ODD_DATE in result.issues) is (written in ODD)
    assert Issue.BAD_DATE not in result.issues


@pytest.mark.parametrize(
    "written",
    ["", "soon", f"{DAY} 25:00:00 +0000", "Mon, 31 Feb 2026 10:00:00 +0000", "10:00", "2026-11-02"],
)
def test_what_is_no_date_becomes_now(written: str) -> None:
    result = forward(a_mail(Date=written))

    assert read(result.raw)["Date"].datetime == FORWARD.now
    assert Issue.BAD_DATE in result.issues


@given(st.integers(0, 32_000_000_000), st.integers(-13, 13))
def test_every_date_is_read_as_it_was_written(seconds: int, hours: int) -> None:
    date = datetime.fromtimestamp(seconds, UTC)
    written = f"{date:%a, %d %b %Y %H:%M:%S} {hours:+03}00"

    found = read_date(written)

    assert found is not None
    assert found.is_standard
    assert found.date == date - timedelta(hours=hours)


@given(st.text(max_size=100))
def test_any_text_is_a_date_or_none(text: str) -> None:
    read_date(text)


LONG = "x" * 900

IDS = {
    "<a@b.example>": ["<a@b.example>"],
    "a@b.example": ["<a@b.example>"],
    "<a@b.example": ["<a@b.example>"],
    "a @ b.example": ["<a@b.example>"],
    "<a b@c.example>": ["<ab@c.example>"],
    "<a@\r\n b.example>": ["<a@b.example>"],
    "<1234>": ["<1234>"],
    f"<{LONG}@b.example>": [f"<{LONG}@b.example>"],
    f"<{LONG * 2}@b.example>": [],
    "=?utf-8?q?=3Ca=40b=2Eexa?=\r\n =?utf-8?q?mple=3E?=": ["<a@b.example>"],
    "=?us-ascii?B?PGFAYi5leGFtcGxlPg==?=": ["<a@b.example>"],
    "<a@bücher.example>": ["<a@xn--bcher-kva.example>"],
    "<ä@b.example>": [],
    "none": [],
}


@pytest.mark.parametrize(("written", "ids"), IDS.items())
def test_an_id_joins_the_thread_however_it_is_written(written: str, ids: list[str]) -> None:
    raw = a_mail(References="<first@b.example>", Message_ID=written)

    result = forward(raw).raw

    assert read(result)["References"].split() == ["<first@b.example>", *ids]


@pytest.mark.parametrize(("written", "ids"), IDS.items())
def test_the_id_that_is_answered_is_found_however_it_is_written(
    written: str, ids: list[str]
) -> None:
    mail = read(forward(a_mail(In_Reply_To=written)).raw)

    assert mail["In-Reply-To"] == (ids[0] if ids else None)
