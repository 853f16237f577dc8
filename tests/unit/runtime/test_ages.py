"""How old mails are: counted from when SES received them, and shown as quantiles."""

import pytest
from markus.testing import MetricsMock

from runtime.ages import BOUNDS_SECONDS, Stage, age_seconds, bound_of, note_age, quantile
from runtime.message_context import MessageContext, about


def test_an_age_counts_from_the_receipt_and_is_never_negative() -> None:
    assert age_seconds(1_000, 31.0) == 30.0
    assert age_seconds(1_500, 1.0) == 0.0


def test_a_stage_counts_the_mail_that_the_thread_works_on() -> None:
    with MetricsMock() as counted, about(MessageContext("m1", received_at_ms=1)):
        seconds = note_age(Stage.SENT)

    (record,) = counted.get_records()
    assert (record.stat_type, record.key, record.tags) == ("timing", "mail_age", ["stage:sent"])
    assert seconds is not None
    assert record.value == pytest.approx(seconds * 1000)


def test_what_has_no_receipt_is_not_counted() -> None:
    with MetricsMock() as counted, about(MessageContext("m1")):
        assert note_age(Stage.SETTLED) is None

    assert counted.get_records() == []


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0, 1), (1, 1), (1.1, 2), (60, 60), (86_400, 86_400), (1e9, 86_400)]
)
def test_an_age_is_sorted_under_the_next_bound(seconds: float, bound: int) -> None:
    assert bound_of(seconds) == bound


@pytest.mark.parametrize(
    ("counts", "q", "age"),
    [
        ({}, 0.5, None),
        ({1: 10}, 0.5, 0.5),
        ({1: 10}, 1.0, 1.0),
        ({1: 50, 10: 50}, 0.5, 1.0),  # half took a second at most
        ({1: 50, 10: 50}, 0.75, 7.5),  # half of those between 5 and 10
        ({1: 99, 900: 1}, 0.99, 1.0),
        ({1: 98, 900: 2}, 0.99, 600.0),  # half of those between 300 and 900
        ({86_400: 1}, 0.99, 21_600 + 0.99 * 64_800),
    ],
)
def test_quantiles(counts: dict[int, int], q: float, age: float | None) -> None:
    assert quantile(counts, q) == (None if age is None else pytest.approx(age))


def test_bounds_ascend() -> None:
    assert list(BOUNDS_SECONDS) == sorted(set(BOUNDS_SECONDS))
