"""The scheduler has the workers publish the queues' gauges, of SQS and of Redis."""

import time
from collections import Counter

from relay.operations import history
from runtime.tally import find_counts
from tests.integration.conftest import MASK, Relay, wait_for_log
from tests.waiting import wait_until


def test_the_scheduler_and_the_workers_publish_the_gauges(relay: Relay) -> None:
    relay.aws.put("waits in SQS")
    relay.redis.zadd("relay:feedback.XQ", {"a dead letter": 1_900_000_000_000})
    workers = relay.stack.start_workers()

    relay.stack.start_scheduler()

    gauges = wait_for_log(workers, "gauges")["gauges"]
    assert isinstance(gauges, dict)
    assert gauges["email_queue_count:mail"] == 1
    assert gauges["email_queue_count:mail-dead-letters"] == 0
    assert gauges["redis_queue_dead_letters:feedback"] == 1
    assert gauges["redis_queue_count:inbound"] == 0
    assert gauges["in_flight"] == 0
    assert gauges["processes_alive:bridge"] == 0
    assert gauges["processes_alive:worker"] == 1
    (sample,) = wait_until("the sample", lambda: history.find(relay.redis, int(time.time() // 60)))
    assert sample.values == gauges


def test_what_becomes_of_mails_is_counted_by_the_minute(relay: Relay) -> None:
    workers = relay.stack.start_workers()
    relay.stack.start_bridge()
    relay.aws.put("no envelope")
    for to in (MASK, MASK, "nobody@masks.example"):
        relay.deliver(to=(to,))
    wait_for_log(workers, "settled", outcome="nomask")

    def counted() -> Counter[str]:
        minute = int(time.time() // 60)
        return sum(map(Counter, find_counts(relay.redis, [minute - 1, minute])), Counter())

    wait_until("the outcomes", lambda: counted() >= Counter(forwarded=2, nomask=1, rejected=1))
