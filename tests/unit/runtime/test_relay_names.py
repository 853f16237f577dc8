"""Firefox Relay's names for our metrics: one table, in the code and in the document."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import markus
import pytest
from markus.backends import BackendBase

from runtime.relay_names import NAMES, RelayNames, named

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("metric", "tags", "expected"),
    [
        (
            "emails.outcome",
            ["outcome:forwarded", "reason:existing_mask"],
            {"email_for_active_address", "ses_send_raw_email"},
        ),
        ("emails.outcome", ["outcome:held", "reason:spam"], {"email_auto_suppressed_for_spam"}),
        ("emails.outcome", ["outcome:held", "reason:frozen"], set()),
        ("bridge.taken", ["result:rejected"], set()),
        ("emails.size", ["direction:sent"], {"relayed_email.size"}),
        ("emails.size", ["direction:received"], set()),
        ("unknown", [], set()),
    ],
)
def test_an_event_is_published_under_the_names_it_had(
    metric: str, tags: list[str], expected: set[str]
) -> None:
    assert {name for name, _ in named(metric, tags)} == expected


def test_tags_go_along_under_their_names_there() -> None:
    tags = ["type:permanent", "subtype:general", "status:5.1", "domain:other"]

    assert list(named("emails.bounce", tags)) == [
        ("email_bounce", ["bounce_type:permanent", "bounce_subtype:general"])
    ]


class Kept(BackendBase):  # type: ignore[misc]
    """Keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: Any) -> None:
        self.records.append((record.stat_type, record.key, record.value, record.tags))


@pytest.fixture
def kept() -> Iterator[Kept]:
    """A backend behind the other names."""
    before, backend = markus.main._metrics_backends, Kept()
    markus.configure([{"class": lambda **_: RelayNames(backend)}], raise_errors=True)
    yield backend
    markus.main._metrics_backends = before


def test_the_backend_passes_on_kind_value_and_tags(kept: Kept) -> None:
    metrics = markus.get_metrics("emails")
    metrics.histogram("size", 1234, tags=["direction:sent"])
    metrics.incr("complaint", tags=["feedback:abuse"])
    metrics.incr("settled_before")

    assert kept.records == [
        ("histogram", "relayed_email.size", 1234, []),
        ("incr", "email_complaint", 1, ["complaint_feedback:abuse"]),
    ]


def test_no_name_is_published_with_different_tags() -> None:
    """Prometheus has one set of labels for each name."""
    labels: dict[str, set[tuple[str, ...]]] = {}
    for name in NAMES:
        for theirs in name.theirs:
            labels.setdefault(theirs, set()).add(tuple(sorted(name.carried.values())))

    assert [name for name, sets in labels.items() if len(sets) > 1] == []


def test_every_metric_of_ours_exists() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()

    assert [name.ours for name in NAMES if f"| `{name.ours}` |" not in page] == []


def test_the_document_shows_the_table() -> None:
    page = (ROOT / "docs" / "migration.md").read_text()
    section = page.partition("| the predecessor's name |")[2]
    shown = [line.split("|")[1:4] for line in section.splitlines() if line.startswith("| `")]
    found = [tuple(tuple(re.findall("`([^`]+)`", cell)) for cell in row) for row in shown]
    expected = [
        (
            name.theirs,
            (name.ours, *name.tags),
            tuple(word for pair in name.carried.items() for word in dict.fromkeys(pair)),
        )
        for name in NAMES
    ]

    assert found == expected
