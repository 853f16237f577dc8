"""While Redis refuses writes, an attempt that has ended waits for it to be recorded."""

from typing import Any

import dramatiq
import pytest
import redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, RedisError

from relay.worker import patience
from relay.worker.consumer import PERIODIC, RecoveringBroker
from relay.worker.patience import patiently

WRAPPED = redis.ResponseError(
    "Error running script (call to f_0): @user_script:22: -OOM command not allowed when used "
    "memory > 'maxmemory'."
)


class Refusing:
    """Raises these errors, then returns `done`."""

    def __init__(self, *errors: RedisError) -> None:
        self.errors = list(errors)

    def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.mark.parametrize(
    "error",
    [OutOfMemoryError(), WRAPPED, redis.ConnectionError(), redis.TimeoutError()],
    ids=repr,
)
def test_what_redis_may_carry_out_later_is_tried_until_then(error: RedisError) -> None:
    waits: list[float] = []

    assert patiently(Refusing(*[error] * 3), "retry", sleep=waits.append) == "done"

    assert waits == [patience.RETRY_SECONDS] * 3


def test_what_waiting_does_not_mend_is_raised() -> None:
    with pytest.raises(NoPermissionError):
        patiently(Refusing(NoPermissionError()), "retry")


class FillingUp(RecoveringBroker):
    """Its Redis is full each time it enqueues something, except for the last time."""

    refusals = 0

    def _enqueue(self, message: Any, delay: int | None) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise OutOfMemoryError
        return super()._enqueue(message, delay)


def filling_up(client: redis.Redis, refusals: int) -> FillingUp:
    broker = FillingUp(client=client, middleware=[])
    broker.declare_queue("q")
    broker.refusals = refusals
    return broker


def test_a_retry_that_redis_refuses_is_enqueued_when_it_has_room_again(
    redis_client: redis.Redis,
) -> None:
    """Dramatiq logs the error and drops the message."""
    broker = filling_up(redis_client, refusals=1)

    broker.enqueue(dramatiq.Message("q", "actor", (), {}, {"retries": 1}), delay=10)

    assert redis_client.llen("relay:q.DQ") == 1


def test_a_periodic_job_that_redis_refuses_is_left_out_and_the_scheduler_goes_on(
    redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """periodiq ends at any exception; its supervisor then restarted it until Redis had room."""
    broker = filling_up(redis_client, refusals=1)
    job: dramatiq.Message[None] = dramatiq.Message("q", "actor", (), {}, {PERIODIC: "now"})

    broker.enqueue(job)
    broker.enqueue(job)

    assert redis_client.llen("relay:q") == 1
    assert caplog.messages == ["periodic job left out"]


def test_anything_else_that_redis_refuses_is_an_error_of_its_caller(
    redis_client: redis.Redis,
) -> None:
    broker = filling_up(redis_client, refusals=1)

    with pytest.raises(OutOfMemoryError):
        broker.enqueue(dramatiq.Message("q", "actor", (), {}, {}))
