"""What lanes cost: the CPU time that the bridge and Redis need to dispatch and end a mail.

With lanes and without, in turns. Each mail is to a mask of its own, as innocent mail is: it is
named, admitted, charged and discharged.
"""

import time
from dataclasses import replace
from statistics import median

import dramatiq
import redis

from bench.meter import cpu_seconds
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.dispatch import Dispatched, Dispatcher, Work
from bridge.messages import Handle
from bridge.sns.lanes import LaneNames
from emails import wire
from runtime.seals import Seals
from tools.local.redis import LocalRedis

_MAILS, _BATCH = 5_000, 10
_LIFETIME_SECONDS = 7_200
_SECRET = "a secret of the bench, long enough to be one"


def measure(server: LocalRedis, *, runs: int) -> dict[str, float]:
    """Return the CPU time of a mail (ms) with lanes, without, and the difference."""
    client: redis.Redis = redis.Redis.from_url(server.url)
    took: dict[bool, list[float]] = {True: [], False: []}
    for run in range(runs + 1):
        for by_lane, measured in took.items():
            client.flushall()
            before = time.process_time() + cpu_seconds(server.pid)
            _dispatch(client, by_lane=by_lane)
            seconds = time.process_time() + cpu_seconds(server.pid) - before
            if run:  # the first loads the scripts
                measured.append(seconds / _MAILS * 1000)
    client.close()
    with_lanes, without = median(took[True]), median(took[False])
    return {"with_ms": with_lanes, "without_ms": without, "lanes_ms": with_lanes - without}


def _dispatch(client: redis.Redis, *, by_lane: bool) -> None:
    seals = Seals([_SECRET])
    names = LaneNames.under([_SECRET], ["masks.example"], "replies@masks.example")
    dispatcher = Dispatcher(
        client,
        _LIFETIME_SECONDS,
        seals=seals,
        bridge="bench",
        queue="mail",
        max_in_flight=200 if by_lane else 0,
    )
    acknowledgements = Acknowledgements(client, _LIFETIME_SECONDS, seals)
    for start in range(0, _MAILS, _BATCH):
        works = [_work(f"message-{number}") for number in range(start, start + _BATCH)]
        if by_lane:
            named = [names.of([f"{one.handle.message_id}@masks.example"], "") for one in works]
            works = [
                replace(work, lanes=lanes.names, weight=lanes.work)
                for work, lanes in zip(works, named, strict=True)
            ]
        found = dispatcher.dispatch(works, int(time.time() * 1000))
        if found != [Dispatched.ENQUEUED] * _BATCH:
            raise RuntimeError(f"not all were dispatched: {found}")
        for work in works:
            acknowledgements.acknowledge(
                work.handle.message_id, actor_queue=wire.INBOUND_QUEUE, failure=None
            )


def _work(message_id: str) -> Work:
    message: dramatiq.Message[None] = dramatiq.Message(
        wire.INBOUND_QUEUE, wire.ACTOR_NAME, (), {"envelope": "x" * 2_500}, {}
    )
    return Work(Handle(message_id, "a receipt handle" * 20), message)
