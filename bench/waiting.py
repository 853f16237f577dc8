"""Mail that is not sent now: what it costs to hold it, and to wait with it while SES refuses it.

No scheduler runs here, so no job releases what is held.
"""

import time
from typing import Any

from bench.meter import Meter
from bench.site import Site
from bench.table import Numbers
from tools.aws.faults import Faults, Outage, ServiceFaults

_FREEZE = ("control", "freeze", "domain", "shop.example", "--for", "1d", "--why", "bench")
_KNOWN_SECONDS = 2.0
"""After so long every process knows of a control."""

_WARM_SECONDS = 60
_MAX_SECONDS = 300


def held(site: Site, *, messages: int) -> Numbers:
    """Hold mails of 15 KB of a frozen domain: the rate until SQS is empty, and the CPU a mail."""
    meter = _started(site)
    try:
        site.stack.manage(*_FREEZE)
        time.sleep(_KNOWN_SECONDS)
        sent = len(site.aws.statistics()["sent_at"])
        arrived = site.arrived(messages, 15_000)
        meter.start()
        loaded = time.monotonic()
        site.aws.load(arrived)
        site.wait_until_empty(_MAX_SECONDS)
        took, cpu = time.monotonic() - loaded, meter.stop()
        if len(site.aws.statistics()["sent_at"]) != sent:
            raise RuntimeError("mail of a frozen domain was sent")
    finally:
        site.stop()
    return {"messages_per_s": messages / took, "cpu_ms": _each(cpu, messages / 1000)}


def open_breaker(site: Site, *, messages: int, seconds: float) -> Numbers:
    """Let SES fail for a while, with mail in the queue; then measure how it gets over that.

    `cpu_ms_a_second` is what waiting takes, from when the breaker has opened.
    """
    meter = _started(site)
    try:
        before = len(site.aws.statistics()["sent_at"])
        arrived = site.arrived(messages, 15_000)
        site.aws.set_faults(Faults(ses=ServiceFaults(outage=Outage.ERRORS)))
        site.aws.load(arrived)
        time.sleep(seconds)
        meter.start()
        time.sleep(seconds)
        cpu = meter.stop()
        site.aws.set_faults(Faults())
        mended = time.time()
        sent = site.wait_for_sent(before + messages, _MAX_SECONDS)[before:]
        site.wait_until_empty()
        if (number := len(site.aws.statistics()["sent_at"]) - before) != messages:
            raise RuntimeError(f"{number} mails were sent, and not {messages}")
    finally:
        site.stop()
    return {
        "cpu_ms_a_second": _each(cpu, seconds / 1000),
        "first_sent_s": sent[0] - mended,
        "last_sent_s": sent[-1] - mended,
    }


def _started(site: Site) -> Meter:
    """Start the relay, and let each thread open its connections."""
    site.reset()
    processes = site.start(workers=2, threads=4)
    site.aws.load(site.arrived(100, 2_000))
    site.wait_for_sent(100, _WARM_SECONDS)
    site.wait_until_empty()
    return Meter(site.servers() | {name: process.pid for name, process in processes.items()})


def _each(cpu: dict[str, float], number: float) -> dict[str, Any]:
    """Return the CPU of each process, for each of a number of things."""
    return {name: seconds / number for name, seconds in cpu.items()}
