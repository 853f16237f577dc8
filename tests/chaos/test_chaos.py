"""The short run, with a fixed seed. The long one: `make chaos`."""

from pathlib import Path

import pytest

from tests.chaos.accounting import Fate, count
from tests.chaos.run import run, summary
from tests.chaos.schedule import SHORT


@pytest.mark.timeout(400)  # two minutes on an idle machine
def test_every_message_is_forwarded_once_whatever_breaks(folder: Path) -> None:
    here = folder / "chaos"
    here.mkdir()

    report = run(here, SHORT, seed=1)

    assert report.bad == [], summary(report)
    assert report.excess == [], summary(report)
    assert count(report.judged)[Fate.FORWARDED] > SHORT.messages * 0.9
    assert sum(report.broken.values()) == SHORT.faults
    assert sum(report.played.values()) == SHORT.acts
    assert report.requests["sqs.SendMessageBatch"]["answered"], "nothing went to the overflow"
    assert any(one.sendings for one in report.canaries)
    assert any(one.held and one.held.releases for one in report.books.accounts)
