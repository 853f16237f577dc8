"""What tracing costs a mail.

`beside`: two relays, of which one traces, get as many mails at the same time, so that whatever else
the machine does slows both alike. Each has a bridge, a worker process, a queue, and a database of
Redis. `calls`: the calls alone (`mail_costs.py`).
"""

from typing import Any

from bench.measure import run_python
from bench.meter import Meter
from bench.otlp_receiver import Receiver
from bench.site import Site

_THREADS = 4
_WARM = 100
_MAX_SECONDS = 900
_QUIET_SECONDS = 6.0
"""Longer than the SDK keeps a span: then all are sent, and sending them is measured, too."""


def beside(site: Site, *, messages: int, is_swapped: bool) -> dict[str, Any]:
    """Return the CPU time of a mail (ms) in bridge and worker, `on` and `off`.

    `is_swapped`: they have each other's queue and database, and start in the other order. The one
    that starts first, and gets its mails first, takes a little more; so half of the runs swap.
    """
    site.reset()
    receiver = Receiver(site.folder)
    pids: dict[str, int] = {}
    try:
        for name, settings in _settings(site, receiver.endpoint, is_swapped=is_swapped).items():
            pids[f"bridge {name}"] = site.stack.start_bridge(**settings).pid
            pids[f"worker {name}"] = site.stack.start_workers(threads=_THREADS, **settings).pid
        _send(site, receiver, _WARM)
        before = receiver.counts()
        meter = Meter(pids)
        meter.start()
        _send(site, receiver, messages)
        cpu = meter.stop()
        spans = receiver.counts() - before
    finally:
        site.stop()
        receiver.stop()
    if spans["deliver"] != messages:
        raise RuntimeError(f"{spans['deliver']} of {messages} mails were traced")
    by_process = {name: seconds / messages * 1000 for name, seconds in cpu.items()}
    on, off = (by_process[f"bridge {one}"] + by_process[f"worker {one}"] for one in ("on", "off"))
    return {
        "on_ms": on,
        "off_ms": off,
        "tracing_ms": on - off,
        "tracing_percent": 100 * (on - off) / off,
        "by_process_ms": by_process,
        "spans_a_mail": (spans.total() - spans["bytes"]) / messages,
        "bytes_a_mail": spans["bytes"] / messages,
    }


def calls(site: Site) -> dict[str, float]:
    """Return the CPU time (ms) of a mail's ids and ages, of spans that are off, and of spans."""
    receiver = Receiver(site.folder)
    try:
        return run_python(site, "bench.mail_costs", receiver.endpoint)
    finally:
        receiver.stop()


def _settings(site: Site, collector: str, *, is_swapped: bool) -> dict[str, dict[str, Any]]:
    """Return the settings of either relay, in the order in which they start."""
    first, second = ("off", "on") if is_swapped else ("on", "off")
    places: dict[str, dict[str, Any]] = {
        first: {},
        second: {
            # Nobody here has an overflow queue, so that this one is free.
            "AWS_SQS_EMAIL_QUEUE_URL": site.aws.overflow_queue_url,
            "REDIS_URL": f"redis://127.0.0.1:{site.redis.port}/1",
        },
    }
    places["on"]["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
    return places


def _send(site: Site, receiver: Receiver, messages: int) -> None:
    """Load so many mails for each relay, and wait until they and their spans have been sent."""
    before = len(site.aws.statistics()["sent_at"])
    one, other = site.arrived(messages, 15_000), site.arrived(messages, 15_000)
    site.aws.load(one)
    site.aws.load(other, site.aws.overflow_queue_url)
    site.wait_for_sent(before + 2 * messages, _MAX_SECONDS)
    site.wait_until_empty()
    receiver.wait_until_quiet(_QUIET_SECONDS)
