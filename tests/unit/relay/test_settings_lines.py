"""Mistakes in settings that people made or will make: for each the exact line that says it."""

from typing import Any

import pytest

from bridge.config import BridgeConfig
from relay.config import RelayConfig
from tests.unit.relay.test_settings_mistakes import GOOD, said

MAIL = GOOD["AWS_SQS_EMAIL_QUEUE_URL"]
TOPIC = (
    "the ARN of an SNS topic, such as arn:aws:sns:us-east-1:123456789012:mail, whose region "
    "belongs to its partition, or several of them separated by commas"
)
REDIS = "a URL such as redis://127.0.0.1:6379/0; a password in it is percent-encoded"
DATABASE = (
    "a URL with a database's name, such as postgresql://user@127.0.0.1:5432/relay; a password in "
    "it is percent-encoded"
)
RANDOM = "a random text of at least 16 characters"
HIDDEN = "…"

# whose setting, its name, the mistake, the value that is shown (None: the mistake), what is allowed
MISTAKES: list[tuple[Any, str, str, str | None, str]] = [
    (BridgeConfig, "AWS_SNS_TOPIC", "mail", None, TOPIC),
    (BridgeConfig, "AWS_SNS_TOPIC", "", None, TOPIC),
    (BridgeConfig, "AWS_REGION", "us east", None, "an AWS region, such as us-east-1"),
    (BridgeConfig, "AWS_SQS_EMAIL_QUEUE_URL", "mail", None, "the URL of an SQS queue"),
    (
        *(BridgeConfig, "AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL", MAIL, None),
        "another queue than AWS_SQS_EMAIL_QUEUE_URL",
    ),
    (
        *(RelayConfig, "AWS_SQS_EMAIL_DLQ_URL", f"{MAIL}/", None),
        "another queue than AWS_SQS_EMAIL_QUEUE_URL",
    ),
    (RelayConfig, "AWS_S3_EMAIL_BUCKET", "s3://mails", None, "the name of an S3 bucket"),
    (RelayConfig, "AWS_S3_EMAIL_BUCKET", "mails/in", None, "the name of an S3 bucket"),
    (BridgeConfig, "REDIS_URL", "redis.example:6379", HIDDEN, REDIS),
    (BridgeConfig, "REDIS_URL", "https://redis.example", HIDDEN, REDIS),
    (RelayConfig, "DATABASE_URL", "mysql://relay@db.example/relay", HIDDEN, DATABASE),
    (RelayConfig, "DATABASE_URL", "postgresql://relay:p#w@db.example/relay", HIDDEN, DATABASE),
    (RelayConfig, "SECRET_KEY", "", None, RANDOM),
    (RelayConfig, "REPLY_SECRET", "swordfish", HIDDEN, f"empty, or {RANDOM}"),
    (
        *(BridgeConfig, "LEDGER_SECRETS", "swordfish", HIDDEN),
        "a random text of at least 32 characters, or several of them separated by commas",
    ),
    (
        *(RelayConfig, "SITE_ORIGIN", "relay.example", None),
        "the scheme and host of the site, https://relay.example, without a path",
    ),
    (BridgeConfig, "PROCESS_EMAIL_BATCH_SIZE", "11", None, "a whole number from 1 to 10"),
    (BridgeConfig, "PROCESS_EMAIL_MAX_IN_FLIGHT", "0", None, "a whole number from 1 to 100000"),
    (
        *(BridgeConfig, "PROCESS_EMAIL_WAIT_SECONDS", "21", None),
        "a whole number from 1 to 20 (seconds)",
    ),
    (
        *(BridgeConfig, "PROCESS_EMAIL_MAX_LIFETIME_SECONDS", "60", None),
        "more than PROCESS_EMAIL_VISIBILITY_SECONDS (120)",
    ),
    (
        *(RelayConfig, "AWS_SES_MAX_SEND_RATE", "-1", None),
        "empty, or a whole number from 1 to 100000 (mails per second)",
    ),
    (
        *(RelayConfig, "MASK_DOMAINS", "https://masks.example", None),
        "a domain, such as masks.example, or several of them separated by commas",
    ),
    (
        *(RelayConfig, "CANARY_MASK", "canary", None),
        "empty, or a mail address, such as replies@masks.example",
    ),
    (RelayConfig, "DEBUG", "maybe", None, "true or false"),
    (BridgeConfig, "LOG_FORMAT", "xml", None, "one of json, text"),
    (
        *(BridgeConfig, "METRICS_BACKEND", "graphite", None),
        "one of statsd, prometheus, logging, none",
    ),
    (BridgeConfig, "AWS_SNS_SIGNATURE_VERSIONS", "3", None, "1, 2 or 1,2"),
    (
        *(BridgeConfig, "AWS_SNS_CERTIFICATE_DIR", "/nowhere", None),
        "empty, or a folder that exists",
    ),
    (
        *(BridgeConfig, "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", None),
        "empty, or a URL such as http://collector:4318",
    ),
    (
        *(BridgeConfig, "SENTRY_DSN", "swordfish", HIDDEN),
        "empty, or a Sentry DSN, such as https://key@sentry.example/1",
    ),
]


@pytest.mark.parametrize(
    ("declaration", "name", "mistake", "shown", "allowed"),
    MISTAKES,
    ids=[f"{name}={mistake}" for _, name, mistake, *_ in MISTAKES],
)
def test_a_mistake_is_one_exact_line(
    declaration: Any, name: str, mistake: str, shown: str | None, allowed: str
) -> None:
    value = mistake if shown is None else shown
    line = f"settings.{name} has invalid value '{value}': {allowed}"

    assert said(declaration, **{name: mistake}) == line
