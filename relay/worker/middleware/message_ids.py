"""Lets each thread know which message it works on, for the log, for Sentry and for its story."""

from typing import Any

import dramatiq

from emails.wire import ABOUT, SQS_MESSAGE_ID
from relay.worker.middleware.put_back import TRIES
from runtime import message_context, story
from runtime.ages import Stage, note_age


class MessageIds(dramatiq.Middleware):
    """Stands first in the list: its ids are there before all other hooks, and until after them."""

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Take the ids from the message. The actor replaces them by those that SNS signed."""
        options = message.options
        message_context.begin(
            message_context.from_text(options.get(SQS_MESSAGE_ID), options.get(ABOUT))
        )
        if SQS_MESSAGE_ID in options:
            story.begin()
        if not (options.get("retries") or options.get(TRIES)):
            note_age(Stage.BEGUN)

    def after_ack(self, broker: dramatiq.Broker, message: Any) -> None:
        """Forget them."""
        message_context.end()

    def after_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        """Forget them."""
        message_context.end()
