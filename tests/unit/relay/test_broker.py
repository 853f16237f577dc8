"""The order of the middleware, and how long retries may take."""

import os

from dramatiq.middleware import Retries, TimeLimit

from relay.config import RelayConfig
from relay.worker.broker import middleware
from relay.worker.middleware.acknowledge import Acknowledge
from relay.worker.middleware.dead_letter_note import DeadLetterNote
from relay.worker.middleware.delivery_limit import DeliveryLimit
from relay.worker.middleware.put_back import PutBack
from relay.worker.middleware.watchdog import Watchdog
from runtime.env import load

CONFIG = load(RelayConfig, os.environ)


def test_after_an_actor_the_clocks_stop_then_retries_decide_then_it_is_acknowledged() -> None:
    """Dramatiq runs the `after_` hooks backwards."""
    order = [type(one) for one in reversed(middleware(CONFIG))]
    ours = [TimeLimit, Watchdog, PutBack, DeliveryLimit, DeadLetterNote, Acknowledge]

    assert [one for one in order if one in ours] == ours


def test_no_middleware_keeps_messages_in_the_database() -> None:
    """Lesson 20."""
    assert "AdminMiddleware" not in [type(one).__name__ for one in middleware(CONFIG)]


def test_all_retries_fit_into_a_messages_lifetime() -> None:
    """Lesson 33: twenty retries with a back-off of days, while SQS hides for twelve hours."""
    (retries,) = [one for one in middleware(CONFIG) if isinstance(one, Retries)]
    waits = [
        min(retries.min_backoff * 2**attempt, retries.max_backoff)
        for attempt in range(retries.max_retries)
    ]
    attempts = (retries.max_retries + 1) * CONFIG.max_seconds_per_message

    assert sum(waits) / 1000 + attempts <= CONFIG.max_lifetime_seconds
