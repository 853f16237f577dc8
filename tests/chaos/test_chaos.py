"""The short run, with a fixed seed. The long one: `make chaos`."""

from pathlib import Path

from tests.chaos.accounting import Fate, count
from tests.chaos.run import run, summary
from tests.chaos.schedule import SHORT


def test_every_message_is_forwarded_once_whatever_breaks(folder: Path) -> None:
    here = folder / "chaos"
    here.mkdir()

    report = run(here, SHORT, seed=1)

    assert report.bad == [], summary(report)
    assert count(report.judged)[Fate.FORWARDED] > SHORT.messages * 0.9
    assert sum(report.broken.values()) == SHORT.faults
