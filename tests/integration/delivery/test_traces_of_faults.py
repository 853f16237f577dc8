"""A mail stays one trace on whole processes, whatever way it takes: the overflow queue, a dead
letter that is requeued, a worker that was killed, a release long after it was held.
"""

import json
import signal
from collections import Counter

import psycopg

from runtime.trace_header import trace_id_from
from tests.collector import Collector, Seen, of_queue
from tests.integration.conftest import MAIL, Relay, wait_for_log
from tests.integration.delivery.test_held_mails import release_until_all_have_ended
from tests.waiting import wait_until

ATTEMPT, DELIVERY, RELEASE = "process inbound", "deliver", "release"
SHARE, OVER = 30, 6
"""How many mails of one mask are dispatched at once, and how many more arrive."""


def traces(spans: list[Seen]) -> set[str]:
    return {one.trace_id for one in spans}


def parents(spans: list[Seen]) -> set[str]:
    return {one.parent_id for one in spans}


def test_what_goes_through_the_overflow_queue_is_one_trace(
    relay: Relay, collector: Collector
) -> None:
    own, overflow = relay.aws.queue_url, relay.aws.overflow_queue_url
    relay.stack.environ["AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL"] = overflow
    for number in range(SHARE + OVER):
        relay.deliver(MAIL.replace(b"<1@", b"<%d@" % number))
    relay.stack.start_bridge()
    wait_until("the rest has moved", lambda: relay.aws.count(overflow) == OVER)
    relay.stack.start_workers()
    relay.wait_for_sent(SHARE + OVER)

    received = collector.wait_for(of_queue("process", own), SHARE + OVER)
    moved = [one for one in received if one.attributes["relay.disposition"] == "moving"]
    back = collector.wait_for(of_queue("process", overflow), OVER)
    assert traces(moved) == traces(back)
    assert len(traces(moved)) == OVER
    deliveries = collector.wait_for(DELIVERY, SHARE + OVER)
    parents = {one.parent_id for one in deliveries}
    # An attempt's span ends after its delivery's, and may be exported later.
    wait_until("the attempts", lambda: parents <= {one.span_id for one in collector.spans})
    by_id = {one.span_id: one for one in collector.spans}
    for one in (one for one in deliveries if one.trace_id in traces(back)):
        assert by_id[by_id[one.parent_id].parent_id] in back
    assert Counter(traces(deliveries)) == Counter(traces(received))


def test_a_requeued_dead_letter_goes_on_in_its_trace(relay: Relay, collector: Collector) -> None:
    relay.gate.refuse(400)
    relay.stack.start_bridge(PROCESS_EMAIL_VISIBILITY_SECONDS="600")
    relay.stack.start_workers()
    relay.deliver()
    wait_until("a dead letter", lambda: relay.redis.zcard("relay:inbound.XQ") == 1)
    (listed,) = relay.stack.manage("dead_letters", "list", "--json").splitlines()
    letter = relay.stack.manage("dead_letters", "show", json.loads(listed)["id"], "--json")
    relay.gate.open()
    relay.stack.manage("dead_letters", "requeue", "--all", "--yes")
    relay.wait_for_empty_queue()

    (taken,) = collector.wait_for(of_queue("process", relay.aws.queue_url))
    first, second = collector.wait_for(ATTEMPT, 2)
    assert traces([first, second]) == {taken.trace_id} == {json.loads(letter)["trace_id"]}
    assert parents([first, second]) == {taken.span_id}
    assert first.attributes["relay.result"] == "dead_lettered"
    assert first.attributes["error.type"] == "mail_store_rejected"
    assert (second.attributes["relay.result"], second.is_failed) == ("done", False)
    deliveries = collector.wait_for(DELIVERY, 2)
    assert [one.parent_id for one in deliveries] == [first.span_id, second.span_id]
    assert "relay.sent" in deliveries[1].attributes


def test_what_a_killed_worker_began_another_ends_in_the_same_trace(
    relay: Relay, collector: Collector
) -> None:
    """The killed one's attempt has no span, but what it had ended before is there."""
    relay.gate.hold_deletions()
    bridge = relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()
    wait_until("S3 has deleted it", lambda: relay.gate.deleted)
    (sent,) = collector.wait_for(DELIVERY)
    workers.send_to_group(signal.SIGKILL)
    workers.wait(10)
    relay.gate.open()
    relay.stack.start_workers()
    relay.wait_for_empty_queue(seconds=90)

    (taken,) = collector.wait_for(of_queue("process", relay.aws.queue_url))
    (attempt,) = collector.wait_for(ATTEMPT)
    assert traces([sent, attempt]) == {taken.trace_id}
    assert traces(collector.named("call ses")) == {taken.trace_id}
    assert attempt.parent_id == taken.span_id
    assert "relay.sent" in sent.attributes
    assert sent.parent_id not in {one.span_id for one in collector.spans}
    assert wait_for_log(bridge, "message processed")["trace_id"] == taken.trace_id


def test_a_held_mail_is_released_in_its_trace(
    relay: Relay, collector: Collector, migrated: str
) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE emails_profile SET blocks_spam = true")
    relay.stack.start_bridge()
    relay.stack.start_workers()
    relay.deliver(spam="FAIL")
    relay.wait_for_empty_queue()
    (attempt,) = collector.wait_for(ATTEMPT)
    # Nothing but the database knows it now.
    relay.redis.flushdb()

    relay.stack.manage("held_mails", "release", "--all", "--yes")
    release_until_all_have_ended(relay.stack, migrated, 1)

    relay.stack.stop()
    releases = collector.named(RELEASE)
    sns_message_id = str(attempt.attributes["sns_message_id"])
    assert traces(releases) == {attempt.trace_id} == {trace_id_from(sns_message_id)}
    assert {one.attributes["sns_message_id"] for one in releases} == {sns_message_id}
    above = {one.span_id: one for one in collector.spans}
    (span,) = collector.named("call ses")
    while span.parent_id:
        assert span.trace_id == attempt.trace_id
        span = above[span.parent_id]
    assert span in releases
