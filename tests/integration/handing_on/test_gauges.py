"""The scheduler has the workers publish the queues' gauges, of SQS and of Redis."""

from tests.integration.conftest import Relay, wait_for_log


def test_the_scheduler_and_the_workers_publish_the_gauges(relay: Relay) -> None:
    relay.aws.put("waits in SQS")
    relay.redis.zadd("dramatiq:feedback.XQ", {"a dead letter": 1_900_000_000_000})
    workers = relay.stack.start_workers()

    relay.stack.start_scheduler()

    gauges = wait_for_log(workers, "gauges")["gauges"]
    assert isinstance(gauges, dict)
    assert gauges["email_queue_count:mail"] == 1
    assert gauges["email_queue_count:mail-dead-letters"] == 0
    assert gauges["redis_queue_dead_letters:feedback"] == 1
    assert gauges["redis_queue_count:inbound"] == 0
