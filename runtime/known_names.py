"""The names of all settings with a prefix that only this relay uses.

All processes may share one file of settings, so each must know the others' names, to tell them from
a misspelling. Kept in step with the declarations by a test.
"""

import difflib
from collections.abc import Collection

PREFIXES = (
    "AWS_S3_EMAIL_",
    "AWS_SES_",
    "AWS_SNS_",
    "AWS_SQS_EMAIL_",
    "HELD_MAIL_",
    "PROCESS_EMAIL_",
)

KNOWN = frozenset(
    {
        "AWS_S3_EMAIL_BUCKET",
        "AWS_SES_BRAKES",
        "AWS_SES_CONFIGSET",
        "AWS_SES_MAX_BOUNCE_PERCENT",
        "AWS_SES_MAX_COMPLAINT_PERCENT",
        "AWS_SES_MAX_SEND_RATE",
        "AWS_SES_SEND_EVENTS",
        "AWS_SES_SEND_EVENT_KEEP_SECONDS",
        "AWS_SES_SEND_EVENT_WAIT_SECONDS",
        "AWS_SES_WATCH_ACCOUNT",
        "AWS_SNS_CERTIFICATE_DIR",
        "AWS_SNS_CONFIRM_SUBSCRIPTIONS",
        "AWS_SNS_SIGNATURE_VERSIONS",
        "AWS_SNS_TOPIC",
        "AWS_SQS_EMAIL_DLQ_URL",
        "AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL",
        "AWS_SQS_EMAIL_QUEUE_URL",
        "HELD_MAIL_KEEP_DAYS",
        "PROCESS_EMAIL_BATCH_SIZE",
        "PROCESS_EMAIL_DELETE_FAILED_MESSAGES",
        "PROCESS_EMAIL_GRACE_SECONDS",
        "PROCESS_EMAIL_HEALTHCHECK_MAX_AGE",
        "PROCESS_EMAIL_HEALTHCHECK_PATH",
        "PROCESS_EMAIL_HEARTBEAT_SECONDS",
        "PROCESS_EMAIL_MAX_DEAD_LETTERS",
        "PROCESS_EMAIL_MAX_DEAD_LETTER_BYTES",
        "PROCESS_EMAIL_MAX_DELIVERIES",
        "PROCESS_EMAIL_MAX_IN_FLIGHT",
        "PROCESS_EMAIL_MAX_LIFETIME_SECONDS",
        "PROCESS_EMAIL_MAX_RETRIES",
        "PROCESS_EMAIL_MAX_SECONDS",
        "PROCESS_EMAIL_MAX_SECONDS_PER_MESSAGE",
        "PROCESS_EMAIL_VERBOSITY",
        "PROCESS_EMAIL_VISIBILITY_SECONDS",
        "PROCESS_EMAIL_WAIT_SECONDS",
    }
)


def find_unknown(names: Collection[str]) -> dict[str, str]:
    """Find the names that look like ours and are not; each with the nearest that is."""
    unknown = (name for name in sorted(names) if name.startswith(PREFIXES) and name not in KNOWN)
    return {name: _nearest(name) for name in unknown}


def _nearest(name: str) -> str:
    (nearest,) = difflib.get_close_matches(name, sorted(KNOWN), n=1, cutoff=0)
    return nearest
