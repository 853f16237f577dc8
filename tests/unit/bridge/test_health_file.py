"""The health file."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge import health_file

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LIMIT = timedelta(seconds=60)


def test_a_fresh_file_is_healthy_and_tells_its_age(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    health_file.write(path, NOW, {"cycles": 3})

    assert health_file.check(path, NOW + timedelta(seconds=59), LIMIT) == timedelta(seconds=59)
    assert json.loads(path.read_text())["cycles"] == 3


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "can't be read"),
        ("", "not a health file"),
        ("{}", "not a health file"),
        ("[]", "not a health file"),
        ('{"timestamp": "yesterday"}', "not a health file"),
        ('{"timestamp": "2026-01-02T03:03:04+00:00"}', "61 s old"),
        ('{"timestamp": "2026-01-02T04:04:05+00:00"}', "from the future"),
    ],
)
def test_what_is_unhealthy_says_why(tmp_path: Path, content: str | None, complaint: str) -> None:
    path = tmp_path / "health.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(health_file.StaleHealthFile, match=complaint):
        health_file.check(path, NOW, LIMIT)


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    """Lesson 17. Written in place, the file is empty for a moment, and a reader finds it so."""
    path = tmp_path / "health.json"
    health_file.write(path, NOW, {})
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            health_file.write(path, NOW, {"filler": "x" * 100_000})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2_000):
            health_file.check(path, NOW, LIMIT)
    finally:
        stop.set()
        writer.join()
    assert [file.name for file in tmp_path.iterdir()] == ["health.json"]
