"""Tells Sentry about each failed attempt: which message, why, and whether it will be retried."""

from typing import Any

import dramatiq
import sentry_sdk

from bridge.ledger import failure_reasons
from emails.wire import SQS_MESSAGE_ID
from runtime.sentry import TO_BE_RETRIED


class Report(dramatiq.Middleware):
    """Tags each failure's event, and marks those of attempts that will be retried.

    Sentry's own middleware reports one event an attempt, and none for exceptions in `throws`. It
    stands first in the list, so that its `after_process_message` runs last and sees these tags.
    """

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        """Describe the attempt that just ended."""
        if not sentry_sdk.is_initialized() or (exception is None and not message.failed):
            return
        scope = sentry_sdk.get_isolation_scope()
        scope.set_tag(TO_BE_RETRIED, "no" if message.failed else "yes")
        scope.set_tag(SQS_MESSAGE_ID, message.options.get(SQS_MESSAGE_ID, "none"))
        scope.set_tag("queue", message.queue_name)
        scope.set_tag("reason", failure_reasons.detail_for(exception))
        scope.set_tag("attempt", str(message.options.get("retries", 0) + 1))
        actor = broker.get_actor(message.actor_name)
        expected = actor.options.get("throws")
        if expected and isinstance(exception, expected):
            sentry_sdk.capture_exception(exception)
