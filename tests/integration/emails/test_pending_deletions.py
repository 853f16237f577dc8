"""Pending deletions, on a real Redis and with a bucket that fails on demand."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from emails.edges.pending_deletions import BATCH_SIZE, MAX_FLUSH_SECONDS, PendingDeletions, key_of
from emails.values.errors import NotFinished, Refused
from emails.values.notifications import StoredMail
from emails.values.outcomes import RefuseReason, RetryReason
from tests.fakes import FakeMailStore

KEY = key_of("mails")


@pytest.fixture
def bucket() -> FakeMailStore:
    bucket = FakeMailStore()
    bucket.mails = {mail(number): b"mail" for number in range(3 * BATCH_SIZE)}
    return bucket


@pytest.fixture
def pending(client: redis.Redis, bucket: FakeMailStore) -> PendingDeletions:
    return PendingDeletions(client, bucket, "mails")


def mail(number: int) -> StoredMail:
    return StoredMail("mails", f"key-{number}")


def add(pending: PendingDeletions, *numbers: int) -> None:
    for number in numbers:
        pending.add(mail(number))


def test_the_hundredth_mail_deletes_a_hundred_in_one_call(
    pending: PendingDeletions, bucket: FakeMailStore
) -> None:
    add(pending, *range(BATCH_SIZE - 1))
    assert bucket.calls == 0

    add(pending, BATCH_SIZE - 1)

    assert bucket.calls == 1
    assert len(bucket.mails) == 2 * BATCH_SIZE


def test_of_many_workers_one_deletes_the_batch_and_no_mail_is_left(
    pending: PendingDeletions, bucket: FakeMailStore, client: redis.Redis
) -> None:
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(pending.add, list(bucket.mails)))

    assert bucket.calls <= 3
    assert len(bucket.mails) == client.scard(KEY)
    pending.flush()
    assert (bucket.mails, client.scard(KEY)) == ({}, 0)


def test_adding_a_mail_again_does_not_call_s3(
    pending: PendingDeletions, bucket: FakeMailStore
) -> None:
    bucket.delete_fails = [NotFinished(RetryReason.MAIL_STORE_THROTTLED)]
    add(pending, *range(BATCH_SIZE))

    add(pending, 7)

    assert bucket.calls == 1


@pytest.mark.parametrize("number", [0, 1, BATCH_SIZE, BATCH_SIZE + 1, 3 * BATCH_SIZE])
def test_the_job_deletes_the_rest(
    client: redis.Redis, bucket: FakeMailStore, pending: PendingDeletions, number: int
) -> None:
    if number:
        client.sadd(KEY, *(mail(one).key for one in range(number)))

    assert pending.flush() == number
    assert len(bucket.mails) == 3 * BATCH_SIZE - number
    assert client.scard(KEY) == 0


@pytest.mark.parametrize(
    "failure",
    [
        NotFinished(RetryReason.MAIL_STORE_UNAVAILABLE),
        Refused(RefuseReason.MAIL_STORE_REJECTED),
    ],
)
def test_when_s3_fails_the_message_succeeds_and_the_deletion_is_retried(
    pending: PendingDeletions,
    bucket: FakeMailStore,
    client: redis.Redis,
    failure: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bucket.delete_fails = [failure, failure]

    add(pending, *range(BATCH_SIZE))
    assert pending.flush() == 0

    assert client.scard(KEY) == BATCH_SIZE
    (first, _) = [one for one in caplog.records if one.message == "mails not deleted"]
    assert first.__dict__["reason"] == failure.reason  # type: ignore[attr-defined]
    assert pending.flush() == BATCH_SIZE


def test_mails_that_s3_does_not_delete_are_logged_and_retried(
    pending: PendingDeletions,
    bucket: FakeMailStore,
    client: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bucket.kept = {"key-3": "InternalError", "key-5": "InternalError"}
    add(pending, *range(10))

    assert pending.flush() == 8

    assert client.smembers(KEY) == {b"key-3", b"key-5"}
    (record,) = [one for one in caplog.records if one.message == "mails not deleted"]
    assert (record.__dict__["count"], record.__dict__["reason"]) == (2, "InternalError")
    bucket.kept = {}
    assert pending.flush() == 2


def test_without_redis_the_message_stays_unacknowledged(bucket: FakeMailStore) -> None:
    nobody = redis.Redis(host="127.0.0.1", port=1)

    with pytest.raises(redis.ConnectionError):
        PendingDeletions(nobody, bucket, "mails").add(mail(1))


def test_a_long_backlog_takes_several_runs(client: redis.Redis, bucket: FakeMailStore) -> None:
    """A run that hit its time limit used to become a dead letter, minute after minute."""
    ticks = itertools.count(step=MAX_FLUSH_SECONDS * 0.6)
    pending = PendingDeletions(client, bucket, "mails", clock=lambda: next(ticks))
    client.sadd(KEY, *(stored.key for stored in bucket.mails))

    assert pending.flush() == BATCH_SIZE
    assert client.scard(KEY) == 2 * BATCH_SIZE
