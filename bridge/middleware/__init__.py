"""What the bridge adds to the workers: Dramatiq middleware, one idea a file.

Their order in the broker's list matters, since Dramatiq runs the `after_` hooks from the last to
the first. `relay.broker` says what stands where, and why.
"""

from bridge.middleware.acknowledge import Acknowledge
from bridge.middleware.copies import Copies
from bridge.middleware.dead_letter_note import DeadLetterNote
from bridge.middleware.delivery_limit import DeliveryLimit
from bridge.middleware.group_signals import GroupSignals
from bridge.middleware.heartbeat import Heartbeat
from bridge.middleware.watchdog import Watchdog

__all__ = [
    "Acknowledge",
    "Copies",
    "DeadLetterNote",
    "DeliveryLimit",
    "GroupSignals",
    "Heartbeat",
    "Watchdog",
]
