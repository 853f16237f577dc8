"""Floods: how long others' mail takes while somebody is flooded, and what that costs the flood.

A flood arrives at 200 a second, or all at once, as after an outage; innocent mails, each to a mask
of its own, arrive at two a second, and bounces as often as a flood says. Times are from "visible in
SQS" to the worker's log line that says "settled". The same without a flood is the measure.
`flood_rows.py` runs these.
"""

import itertools
import re
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from bench.mails import ordinary_mail
from bench.meter import Meter
from bench.site import Site
from relay.worker.work_queue import MAIL_THREADS
from tools.aws.fast_aws import Arrived
from tools.local.logs import lines
from tools.local.processes import Process

INNOCENTS_PER_SECOND = 2.0
FLOOD_PER_SECOND = 200.0

THREADS = 8
"""How many threads each worker process has."""

OWNER = "flooded@owner.example"
NAME = "flooded"
INNOCENT_MASKS = 500
FLOODED_MASKS = 50

_SETTINGS = {
    "MAX_MASKS_PER_DAY": "10000000",
    "SENDER_MASKS_PER_DAY": "10000000",
    "PROCESS_EMAIL_VERBOSITY": "1",
}
_LOADED_AT_ONCE = 50
_OURS = re.compile("(innocent|bounce)-")

_ADD_MASKS = """
from emails.models import Profile, RandomMask
profile = Profile.objects.get(user__email="flooded@owner.example")
RandomMask.objects.bulk_create(
    RandomMask(profile=profile, local=f"{kind}{number}", domain="masks.example")
    for kind, most in (("innocent", %d), ("flooded", %d))
    for number in range(most)
)
"""


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood: where its mails go, how many, how large, and how fast; and what is measured.

    `per_second` None: all are there at once. `has_overflow`: the relay has an overflow queue.
    """

    masks: Sequence[str] = ()
    messages: int = 0
    size: int = 2_000
    per_second: float | None = FLOOD_PER_SECOND
    bounce_every_seconds: float = 5.0
    has_overflow: bool = True


ONE_MASK = ("flooded0@masks.example",)
ONE_NAME = tuple(f"m{n}@{NAME}.masks.example" for n in range(500))
RANDOM_MASKS = tuple(f"flooded{n}@masks.example" for n in range(FLOODED_MASKS))

FLOODS = {
    "one-mask": Flood(ONE_MASK, 4_000),
    "one-name": Flood(ONE_NAME, 4_000),
    "random-masks": Flood(RANDOM_MASKS, 4_000),
    "large-mails": Flood(ONE_MASK, 12, size=38_000_000, per_second=0.2),
    "one-mask-20000": Flood(ONE_MASK, 20_000),
}


def prepare(site: Site) -> None:
    """Create the owner of all masks here, and the masks."""
    site.stack.add_user(OWNER, "--premium", "--subdomain", NAME)
    site.stack.manage("shell", "-c", _ADD_MASKS % (INNOCENT_MASKS, FLOODED_MASKS))


def others_during(
    site: Site, flood: Flood, *, seconds: float, per_second: int | None
) -> dict[str, Any]:
    """Load a flood, and innocent mails for `seconds`; measure both.

    `per_second` is how many mails SES takes; None: as many as come.
    """
    site.reset(has_latency=True)
    if flood.has_overflow:
        site.aws.use_overflow()
    limit = {} if per_second is None else {"AWS_SES_MAX_SEND_RATE": str(per_second)}
    arrived = list(_arrived(site, flood))
    processes = site.start(workers=2, threads=THREADS, settings=_SETTINGS | limit)
    try:
        _warm_up(site)
        for one in arrived:
            # Large ones keep the local AWS busy while they are stored.
            site.aws.load(Arrived(objects=one.objects))
        before, started = len(site.aws.statistics()["sent_at"]), time.time()
        loading = threading.Thread(target=_load, args=(site, flood, arrived))
        loading.start()
        loaded = _trickle(site, seconds, flood.bounce_every_seconds)
        took = _wait_for_settled(processes["workers"], loaded, since=started)
        sent = [at for at in site.aws.statistics()["sent_at"][before:] if at >= started]
        of_flood = len(sent) - sum(1 for name in took if name.startswith("innocent"))
        loading.join()
    finally:
        site.stop()
    between = max(sent) - started
    return {
        "innocent_ms": _percentiles([ms for name, ms in took.items() if "innocent" in name]),
        "bounce_ms": _percentiles([ms for name, ms in took.items() if "bounce" in name]),
        "flood_per_s": of_flood / between,
        "all_per_s": len(sent) / between,
    }


def alone(site: Site, *, messages: int, by_lane: bool) -> dict[str, Any]:
    """Measure a flood to one mask alone: mails a second, and the CPU time for each (ms).

    Without `by_lane` the bridge has no lanes: it reads the queue as if for a replay. Then all mail
    goes first, and may use the thread that lanes keep for others' mail. So each worker process has
    one thread less: either way, as many of its threads work on the flood.
    """
    site.reset(has_latency=True)
    if by_lane:
        site.aws.use_overflow()
    arrived = list(_arrived(site, Flood(ONE_MASK, messages)))
    threads = THREADS if by_lane else THREADS - MAIL_THREADS
    processes = site.start(workers=2, threads=threads, settings=_SETTINGS, has_lanes=by_lane)
    try:
        _warm_up(site)
        pids = {name: process.pid for name, process in processes.items()}
        meter = Meter(pids | site.servers())
        before = len(site.aws.statistics()["sent_at"])
        meter.start()
        for one in arrived:
            site.aws.load(one)
        sent = site.wait_for_sent(before + messages, 900)[before:]
        site.wait_until_empty()
        cpu = meter.stop()
    finally:
        site.stop()
    tenth = messages // 10
    rate = (messages - 2 * tenth) / (sent[-tenth] - sent[tenth])
    return {
        "messages_per_s": rate,
        "cpu_ms": {name: used / messages * 1000 for name, used in cpu.items()},
        "relay_cpu_ms": sum(cpu[name] for name in processes) / messages * 1000,
    }


def _arrived(site: Site, flood: Flood) -> Iterator[Arrived]:
    raw, number = ordinary_mail(flood.size), flood.messages
    masks = itertools.cycle(flood.masks)
    at_once = _LOADED_AT_ONCE if flood.size < 1_000_000 else 1
    for start in range(0, number, at_once):
        some = min(at_once, number - start)
        yield site.aws.sign([((raw, [next(masks)]), None) for _ in range(some)])


def _load(site: Site, flood: Flood, arrived: Sequence[Arrived]) -> None:
    """Load a flood at its rate."""
    started, number = time.time(), 0
    for one in arrived:
        number += len(one.bodies)
        site.aws.load(Arrived(bodies=one.bodies))
        if flood.per_second is not None:
            time.sleep(max(0.0, started + number / flood.per_second - time.time()))


def _trickle(site: Site, seconds: float, bounce_every_seconds: float) -> dict[str, float]:
    """Load innocent mails and bounces at their rates; returns when each was loaded, by SNS's id."""
    raw, loaded = ordinary_mail(), dict[str, float]()
    started = time.time()
    innocents = ((n / INNOCENTS_PER_SECOND, f"innocent-{n}") for n in itertools.count())
    bounces = ((n * bounce_every_seconds, f"bounce-{n}") for n in itertools.count())
    until = int(seconds * INNOCENTS_PER_SECOND), int(seconds / bounce_every_seconds)
    due = [*itertools.islice(innocents, until[0]), *itertools.islice(bounces, until[1])]
    for after, name in sorted(due):
        number = int(name.rpartition("-")[2])
        if name.startswith("innocent"):
            mask = f"innocent{number % INNOCENT_MASKS}@masks.example"
            arrived = site.aws.sign([((raw, [mask]), name)])
        else:
            arrived = Arrived(bodies=[site.aws.envelope(_bounce(number), name)])
        time.sleep(max(0.0, started + after - time.time()))
        loaded[name] = time.time()
        site.aws.load(arrived)
    return loaded


def _bounce(number: int) -> dict[str, Any]:
    """A bounce about one mail, which changes nothing for its owner."""
    recipient = {"emailAddress": OWNER, "status": "5.7.1", "action": "failed"}
    return {
        "notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [recipient]},
        "mail": {"source": "innocent0@masks.example", "messageId": f"sent-{number}"},
    }


def _wait_for_settled(
    workers: Process, loaded: dict[str, float], *, since: float
) -> dict[str, float]:
    """Wait until all these are settled; returns how long each took, in ms."""
    deadline = time.monotonic() + 600
    while len(found := _settled(workers, since)) < len(loaded):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(found)} of {len(loaded)} are settled")
        time.sleep(1)
    return {name: (found[name] - at) * 1000 for name, at in loaded.items()}


def _settled(workers: Process, since: float) -> dict[str, float]:
    """Read when the workers settled innocent mails and bounces. Earlier runs have the same log."""
    settled = (
        (line["sns_message_id"], datetime.fromisoformat(line["timestamp"]).timestamp())
        for line in lines(workers.log)
        if line["message"] == "settled" and _OURS.match(line["sns_message_id"])
    )
    return {name: at for name, at in settled if at >= since}


def _warm_up(site: Site) -> None:
    with psycopg.connect(site.postgres.url, autocommit=True) as connection:
        connection.execute("TRUNCATE emails_delivery CASCADE")
    raw = ordinary_mail(2_000)
    masks = [f"innocent{n}@masks.example" for n in range(28)]
    site.aws.load(site.aws.sign([((raw, [mask]), None) for mask in masks]))
    site.wait_for_sent(28, 60)
    site.wait_until_empty()


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98], "max": max(values)}
