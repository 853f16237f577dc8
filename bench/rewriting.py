"""Measures the rewriting of mails: `python -m bench.rewriting [MAIL…]`.

Prints the CPU time of an ordinary mail and where it goes, the time of hostile mails, and what ten
thousand damaged mails lead to. Damaged are the mails given, or else those of `tests/golden`.
"""

import cProfile
import os
import pstats
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import django

from bench.mails import ordinary_mail
from emails.mime.plans import ForwardPlan
from emails.mime.rewrite_forward import rewrite_forward
from emails.values.facts import NotePlace
from relay import placeholder_settings
from tests.unit.mime.hostile import HOSTILE_HTML, HOSTILE_MAILS
from tests.unit.mime.test_any_mail import damaged

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay.settings")
placeholder_settings.fill_in(os.environ)
django.setup()

from emails import tracker_lists  # noqa: E402
from emails.edges import note  # noqa: E402

_MB = 1 << 20
_DAMAGED = 10_000
_NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
_MASK, _OWNER = "x7k2@masks.example", "ann@owner.example"

PLAN = ForwardPlan(
    mask=_MASK,
    recipient=_OWNER,
    reply_to="replies@masks.example",
    make_note=partial(
        note.forward_note,
        note.sample_plan(_MASK, "en", NotePlace.BOTTOM),
        _NOW,
        secret=b"a secret of the bench",
    ),
    now=_NOW,
    trackers=tracker_lists.load(None),
    warning_url="https://relay.example/emails/tracker-warning/",
)


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that a call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _ordinary() -> None:
    raw = ordinary_mail()
    runs = [seconds(lambda: rewrite_forward(raw, PLAN)) * 1000 for _ in range(500)]
    fast, median, slow = statistics.quantiles(runs, n=20)[::9][:3]
    print(f"\n{len(raw):,} bytes of multipart, ms of CPU: {fast:.2f} / {median:.2f} / {slow:.2f}")
    print("(5th, 50th and 95th percentile of 500)\n")
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(500):
        rewrite_forward(raw, PLAN)
    profile.disable()
    pstats.Stats(profile).sort_stats("cumulative").print_stats("emails|django", 18)


def _hostile() -> None:
    plan = replace(PLAN, trackers=PLAN.trackers | {"tracker.example"})
    head = b"From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    for name, make in HOSTILE_HTML.items():
        raw = head + make(5 * _MB).encode()
        print(f"{seconds(lambda: rewrite_forward(raw, plan)):8.2f} s  5 MB of {name}")  # noqa: B023
    for name, build in HOSTILE_MAILS.items():
        raw = build()
        taken = seconds(lambda: rewrite_forward(raw, plan))  # noqa: B023
        print(f"{taken:8.2f} s  {name} ({len(raw):,} bytes)")


def _damaged(samples: list[bytes]) -> None:
    slowest, issues = 0.0, Counter[str]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(_DAMAGED):
        raw = damaged(samples[seed % len(samples)], seed)
        start = time.process_time()
        result = rewrite_forward(raw, PLAN)
        slowest = max(slowest, time.process_time() - start)
        issues.update(map(str, result.issues))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"\n{_DAMAGED:,} damaged mails of {len(samples)}: no exception, slowest {slowest:.3f} s,")
    print(f"memory grew by {grown / 1024:.1f} MB. Found in them:")
    print("  " + ", ".join(f"{name} {count}" for name, count in issues.most_common()))


def main() -> None:
    """Measure, and print."""
    golden = Path(__file__).parents[1] / "tests" / "golden"
    files = [Path(name) for name in sys.argv[1:]] or sorted(golden.rglob("*.eml"))
    _damaged([*(file.read_bytes() for file in files), ordinary_mail(4000)])
    _ordinary()
    _hostile()


if __name__ == "__main__":
    main()
