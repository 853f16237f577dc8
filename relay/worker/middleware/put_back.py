"""Decides what follows a failed attempt: put back, retried, or dead-lettered.

Dramatiq's own `Retries` counts each attempt. Here only our own errors count: an attempt that
failed because of the world, or had to wait for somebody, says nothing about its message. Such a
message is put back and runs again within seconds, as long as its lifetime lasts. Then SQS delivers
it again.
"""

import random
import time
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.middleware import Interrupt, Retries
from redis.exceptions import RedisError

from bridge.ledger.failure_reasons import detail_for
from bridge.ledger.retries import LAST_REASON, SINCE
from emails.edges.events import UNEXPECTED, error_code_of
from emails.values.errors import (
    LargeMail,
    NotFinished,
    OthersFirst,
    PortionDone,
    ReplyLeft,
    Unavailable,
)
from emails.values.outcomes import RefuseReason
from emails.wire import BULK_QUEUE, SQS_MESSAGE_ID
from relay.worker.consumer import PROBE
from relay.worker.patience import patiently
from relay.worker.work_queue import LARGE
from runtime.breakers import Breakers
from runtime.dependencies import Dependency

TRIES = "put_backs"
"""The option that counts how often a message was put back."""

SUSPICIONS = "suspicions"
"""The option that counts how often it failed on something that seemed to work for others."""

_FIRST_MS, _MOST_MS = 500, 5_000
"""The shortest and the longest delay before it runs again."""


_TOLD_HERE = (Dependency.DATABASE, Dependency.CERTIFICATES, Dependency.CONFIGURATION)
"""What has no edge that reports its failures."""


def _is_before_the_database(exception: BaseException | None) -> bool:
    return getattr(exception, "reason", None) == RefuseReason.NOT_AUTHENTIC


class PutBack(Retries):
    """Puts back what nobody is to blame for, and tells the breakers; retries everything else."""

    def __init__(
        self,
        breakers: Breakers,
        lifetime_seconds: int,
        *,
        max_retries: int,
        min_backoff: int,
        max_backoff: int,
        charge_large: Callable[[str, int], None] = lambda message_id, size: None,
    ) -> None:
        super().__init__(max_retries=max_retries, min_backoff=min_backoff, max_backoff=max_backoff)
        self._breakers = breakers
        self._lifetime_ms = lifetime_seconds * 1000
        self._charge_large = charge_large

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        """Put back, retry or fail the message."""
        if SQS_MESSAGE_ID in message.options:
            self._tell_breakers(exception)
        if message.options.pop(PROBE, False):
            self._breakers.give_back_probes()
        if isinstance(exception, LargeMail):
            self._let_others_go_first(broker, message, exception.size)
        elif isinstance(exception, ReplyLeft):
            return  # `Acknowledge` gives it back to SQS.
        elif isinstance(exception, PortionDone | OthersFirst) and not self._is_over(message):
            self._enqueue_behind(broker, message)
        elif not isinstance(exception, NotFinished | RedisError):
            _note_failure(message, exception)
            super().after_process_message(  # type: ignore[no-untyped-call]
                broker, message, result=result, exception=exception
            )
        elif self._is_at_fault(message, exception):
            message.fail()
        elif not self._is_over(message):
            self._put_back(broker, message, exception)

    def _tell_breakers(self, exception: BaseException | None) -> None:
        """Report what the edges of S3 and SES can't: they tell by themselves."""
        fault = exception if isinstance(exception, Unavailable) else None
        if fault and fault.dependency in _TOLD_HERE:
            self._breakers.failed(fault.dependency, fault.code)
        elif not isinstance(exception, Interrupt) and not _is_before_the_database(exception):
            # Whatever else came of it: what SNS sent begins with the database. One that was
            # interrupted may have waited for it in vain.
            self._breakers.worked(Dependency.DATABASE)

    def _is_at_fault(self, message: Any, failure: NotFinished | RedisError) -> bool:
        """Return whether it failed too often while other messages work.

        Only such failures count: a message that has waited for a breaker or an event, and was put
        back many times for it, is no more suspect than others.
        """
        if isinstance(failure, RedisError) or failure.max_tries is None:
            return False
        if isinstance(failure, Unavailable) and failure.dependency in self._breakers.find_open():
            return False
        suspicions: int = message.options.get(SUSPICIONS, 0) + 1
        message.options[SUSPICIONS] = suspicions
        return suspicions >= failure.max_tries

    def _is_over(self, message: Any) -> bool:
        """Return whether the ledger has forgotten it: then SQS delivers it again."""
        age_ms = int(time.time() * 1000) - message.message_timestamp
        return bool(age_ms >= self._lifetime_ms)

    def _let_others_go_first(self, broker: dramatiq.Broker, message: Any, size: int) -> None:
        """Enqueue a large mail again, where it delays nobody."""
        message_id = message.options.get(SQS_MESSAGE_ID, "")
        patiently(lambda: self._charge_large(message_id, size), "large mail")
        self._enqueue_behind(broker, message, {LARGE: size})

    def _enqueue_behind(
        self, broker: dramatiq.Broker, message: Any, options: dict[str, int] | None = None
    ) -> None:
        """Enqueue a message again at once, behind others."""
        moved = message.copy(queue_name=BULK_QUEUE, options=options or {})
        patiently(lambda: broker.enqueue(moved), "large mail")

    def _put_back(
        self, broker: dramatiq.Broker, message: Any, failure: NotFinished | RedisError
    ) -> None:
        _note_failure(message, failure)
        tries: int = message.options.get(TRIES, 0)
        message.options[TRIES] = tries + 1
        most_ms = min(_MOST_MS, _FIRST_MS * 2 ** min(tries, 10))
        # At random, so that messages that failed together don't all come back together.
        broker.enqueue(message, delay=random.randint(most_ms // 2, most_ms))


def _note_failure(message: Any, failure: BaseException | None) -> None:
    """Note why it failed and since when it does, for who lists what is retried."""
    if failure is not None:
        message.options.setdefault(SINCE, int(time.time() * 1000))
        message.options[LAST_REASON] = _words_for(failure)


def _words_for(failure: BaseException) -> str:
    """Return the reason and, after a colon, AWS's or PostgreSQL's code; of other errors the type.

    The reason is that of the log and of the tally, `emails.edges.events.not_settled`.
    """
    reason = detail_for(failure)
    if reason == type(failure).__name__:
        return f"{UNEXPECTED}:{reason}"
    code = error_code_of(failure)
    return f"{reason}:{code}" if code else reason
