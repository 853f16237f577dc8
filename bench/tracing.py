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


def beside(
    site: Site, *, messages: int, starts_first: str, is_control: bool = False
) -> dict[str, Any]:
    """Return the CPU time of a mail (ms) in bridge and worker, `on` and `off`.

    `starts_first` is `on` or `off`. In a control, neither traces: the difference should be 0.
    """
    site.reset()
    receiver = Receiver(site.folder)
    pids: dict[str, int] = {}
    try:
        for name in sorted(("on", "off"), key=lambda name: name != starts_first):
            own = _settings(site, "" if is_control else receiver.endpoint)[name]
            pids[f"bridge {name}"] = site.stack.start_bridge(**own).pid
            pids[f"worker {name}"] = site.stack.start_workers(threads=_THREADS, **own).pid
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
    if spans["deliver"] != messages * (not is_control):
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


def _settings(site: Site, collector: str) -> dict[str, dict[str, Any]]:
    return {
        "on": {"OTEL_EXPORTER_OTLP_ENDPOINT": collector},
        "off": {
            # Nobody here has an overflow queue, so that this one is free.
            "AWS_SQS_EMAIL_QUEUE_URL": site.aws.overflow_queue_url,
            "REDIS_URL": f"redis://127.0.0.1:{site.redis.port}/1",
        },
    }


def _send(site: Site, receiver: Receiver, messages: int) -> None:
    """Load so many mails for each relay, and wait until they and their spans have been sent."""
    before = len(site.aws.statistics()["sent_at"])
    for queue_url in (site.aws.queue_url, site.aws.overflow_queue_url):
        site.aws.load(site.arrived(messages, 15_000), queue_url)
    site.wait_for_sent(before + 2 * messages, _MAX_SECONDS)
    site.wait_until_empty()
    receiver.wait_until_quiet(_QUIET_SECONDS)
