"""The measurements: each is a function of a site that returns a dict of numbers."""

import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.meter import Meter
from bench.site import Site

ROOT = Path(__file__).parents[1]
_MAX_SECONDS = 900


def throughput(
    site: Site,
    *,
    messages: int,
    size: int = 15_000,
    workers: int = 2,
    threads: int = 8,
    has_latency: bool = False,
    has_events: bool = False,
) -> dict[str, Any]:
    """Load `messages` mails at once; measure throughput and cost until all are processed.

    The rate is that between the first tenth and the last; costs are those of the whole run, from
    idle to idle, without the processes' start.
    """
    site.reset(has_latency=has_latency, has_events=has_events)
    arrived = site.arrived(messages, size)
    processes = site.start(workers=workers, threads=threads)
    try:
        warm_up(site)
        pids = site.servers() | {name: process.pid for name, process in processes.items()}
        meter = Meter(pids)
        meter.start()
        before, counted = len(site.aws.statistics()["sent_at"]), site.count_forwarded()
        loaded = time.time()
        site.aws.load(arrived)
        sent = site.wait_for_sent(before + messages, _MAX_SECONDS)[before:]
        site.wait_until_empty()
        cpu = meter.stop()
        _check(site, counted + messages)
    finally:
        site.stop()
    tenth = messages // 10
    between = sent[-tenth] - sent[tenth]
    return {
        "messages_per_s": (messages - 2 * tenth) / between,
        "cpu_ms": {name: seconds / messages * 1000 for name, seconds in cpu.items()},
        "relay_cpu_ms": sum(cpu[name] for name in processes) / messages * 1000,
        "latency_ms": _percentiles([(at - loaded) * 1000 for at in sent]),
        "memory_mb": {name: meter.peak(name) / 1e6 for name in meter.memory},
        "memory": meter.memory,
    }


def idle_latency(site: Site, *, messages: int, has_latency: bool = False) -> dict[str, Any]:
    """Send one message at a time to an idle relay: from "visible in SQS" to "accepted by SES"."""
    site.reset(has_latency=has_latency)
    site.start(workers=1, threads=8)
    took = []
    try:
        warm_up(site)
        for number in range(messages):
            before = len(site.aws.statistics()["sent_at"])
            arrived = site.arrived(1, 15_000)
            # Random, so as not to run in step with the pollers' sleeps.
            time.sleep(0.2 + number * 0.618 % 1 * 0.3)
            loaded = time.time()
            site.aws.load(arrived)
            took.append((site.wait_for_sent(before + 1, 30)[-1] - loaded) * 1000)
    finally:
        site.stop()
    return _percentiles(took)


def steady_latency(
    site: Site, *, per_second: float, messages: int, threads: int, has_latency: bool = False
) -> dict[str, Any]:
    """Send messages at random intervals, at a mean rate: the latency of a relay under load."""
    site.reset(has_latency=has_latency)
    mails = site.numbered(messages)
    site.start(workers=2, threads=threads)
    loaded: list[float] = []
    try:
        warm_up(site)
        before, due = len(site.aws.statistics()["sent_at"]), time.time()
        chance = random.Random(messages)
        for mail in mails:
            due += chance.expovariate(per_second)
            time.sleep(max(0.0, due - time.time()))
            loaded.append(time.time())
            site.aws.load(mail)
        site.wait_for_sent(before + messages, _MAX_SECONDS)
        accepted = site.accepted_at(before)
    finally:
        site.stop()
    return _percentiles([(accepted[number] - at) * 1000 for number, at in enumerate(loaded)])


def floor(site: Site, *, messages: int, has_latency: bool = False) -> dict[str, Any]:
    """Call the inbound logic in a loop, in one warm process."""
    site.reset(has_latency=has_latency)
    arrived = site.arrived(messages, 15_000)
    site.aws.load(arrived)
    bodies = site.folder / "envelopes"
    bodies.write_text("\n".join(arrived.bodies))
    counted = site.count_forwarded()
    told = run_python(site, "bench.inbound", str(bodies))
    _check(site, counted + messages)
    return _per_message(told)


def predecessor(site: Site, *, messages: int, has_latency: bool = False) -> dict[str, Any]:
    """Handle messages the old way: one at a time, in a forked process for each."""
    site.reset(has_latency=has_latency)
    site.aws.load(site.arrived(messages, 15_000))
    counted = site.count_forwarded()
    told = run_python(site, "bench.predecessor", str(messages))
    _check(site, counted + messages)
    return _per_message(told)


def warm_up(site: Site) -> None:
    """Let each thread open its connections."""
    site.aws.load(site.arrived(100, 2_000))
    site.wait_for_sent(100, 60)
    site.wait_until_empty()


def _check(site: Site, expected: int) -> None:
    """Check that all mails were sent and recorded."""
    if (counted := site.count_forwarded()) != expected:
        raise RuntimeError(f"{counted} mails are counted as forwarded, and not {expected}")


def run_python(site: Site, module: str, argument: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, argument],
        cwd=ROOT,
        env=site.stack.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _per_message(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "messages_per_s": told["messages"] / told["wall_s"],
        "cpu_ms": told["cpu_s"] / told["messages"] * 1000,
    }


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}
