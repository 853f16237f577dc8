"""What the messages of each of the workers' queues need. While one of these has an open circuit
breaker, they wait.
"""

from emails.wire import BULK_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from runtime.dependencies import Dependency

_FOR_FEEDBACK = frozenset({Dependency.DATABASE, Dependency.CERTIFICATES, Dependency.CONFIGURATION})
_FOR_MAIL = _FOR_FEEDBACK | {Dependency.SES, Dependency.S3}

NEEDED = {
    INBOUND_QUEUE: _FOR_MAIL,
    BULK_QUEUE: _FOR_MAIL,
    FEEDBACK_QUEUE: _FOR_FEEDBACK,
}
