"""The bridge's settings: one frozen dataclass, each field with its help, its check, its default."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.config import LedgerConfig, SharedConfig, queue_problems
from runtime.env import Problem, setting
from runtime.partitions import TOPIC_ARN
from runtime.setting_kinds import (
    boolean,
    comma_separated,
    file_path,
    folder,
    integer,
    matching,
    optional,
    text,
    url,
)

SQS_MAX_BATCH = 10
"""The most messages that one SQS call takes or gives."""

_TOPIC = (
    "the ARN of an SNS topic, such as arn:aws:sns:us-east-1:123456789012:mail, whose region "
    "belongs to its partition"
)
_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class HealthConfig:
    """What a probe of the bridge needs, and no more."""

    health_path: Path | None = setting(
        "PROCESS_EMAIL_HEALTHCHECK_PATH",
        optional(file_path()),
        help="The bridge's health file: its time and its totals. Empty: no file.",
        default="",
    )
    health_max_age_seconds: int = setting(
        "PROCESS_EMAIL_HEALTHCHECK_MAX_AGE",
        integer(1, _DAY_SECONDS, "seconds"),
        help="How long the bridge may make no progress before its health file and its "
        "heartbeat in Redis count as stale.",
        default="60",
    )


@dataclass(frozen=True, kw_only=True)
class OriginConfig(LedgerConfig):
    """By what the bridge, and the workers after it, know that a message is SNS's."""

    topics: tuple[str, ...] = setting(
        "AWS_SNS_TOPIC",
        comma_separated(matching(TOPIC_ARN, _TOPIC)),
        help="The topics whose notifications are processed; all others are rejected.",
    )
    certificate_folder: Path | None = setting(
        "AWS_SNS_CERTIFICATE_DIR",
        optional(folder()),
        help="A folder to read SNS's signing certificates from, by their file names. Nothing "
        "is downloaded then. Empty: they are downloaded from SNS.",
        default="",
    )
    signature_versions: tuple[str, ...] = setting(
        "AWS_SNS_SIGNATURE_VERSIONS",
        comma_separated(text("1 or 2")),
        help="The accepted versions of SNS's signature: 1 (SHA1), 2 (SHA256). SNS uses 1 unless "
        "the topic's attribute `SignatureVersion` is 2, as `deploy/terraform` sets it.",
        default="2",
    )

    def problems(self) -> Iterator[Problem]:
        """Check the values against each other."""
        if not set(self.signature_versions) <= {"1", "2"}:
            yield Problem(
                "AWS_SNS_SIGNATURE_VERSIONS", ",".join(self.signature_versions), "1, 2 or 1,2"
            )


@dataclass(frozen=True, kw_only=True)
class BridgeConfig(HealthConfig, OriginConfig, SharedConfig):
    """What `python -m bridge` needs."""

    queue_url: str = setting(
        "AWS_SQS_EMAIL_QUEUE_URL",
        url("http", "https", allowed="the URL of an SQS queue"),
        help="The queue that SNS sends the notifications to.",
    )
    overflow_queue_url: str | None = setting(
        "AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL",
        optional(url("http", "https", allowed="the URL of an SQS queue")),
        help="The queue for mail of whoever has more than their share in flight. Empty: a bridge "
        "keeps such mails hidden, and looks behind at most 10,000 of them for others' mail.",
        default="",
    )
    mask_domains: tuple[str, ...] | None = setting(
        "MASK_DOMAINS",
        optional(comma_separated(text("a domain, such as masks.example"))),
        help="The domains of masks, as the workers have them: the masks of an owner's name then "
        "share one share of what is in flight. Empty: each address has its own.",
        default="",
    )
    replies_address: str | None = setting(
        "REPLIES_ADDRESS",
        optional(text("a mail address")),
        help="The address that owners reply to, as the workers have it: each owner's replies then "
        "have their own share. Empty: all have one.",
        default="",
    )
    confirm_subscriptions: bool = setting(
        "AWS_SNS_CONFIRM_SUBSCRIPTIONS",
        boolean(),
        help="Whether to confirm, through the SNS API, the queue's subscription to one of "
        "the topics. Otherwise its confirmation is rejected like any other message.",
        default="false",
    )
    send_event_keep_seconds: int = setting(
        "AWS_SES_SEND_EVENT_KEEP_SECONDS",
        integer(1, 75, "seconds"),
        help="How long SES's `Send` events stay in SQS after they were noted in Redis, in case it "
        "is wiped before a worker needed them. They count as hidden messages of the queue.",
        default="60",
    )
    batch_size: int = setting(
        "PROCESS_EMAIL_BATCH_SIZE",
        integer(1, SQS_MAX_BATCH),
        help="How many messages one call receives.",
        default="10",
    )
    wait_seconds: int = setting(
        "PROCESS_EMAIL_WAIT_SECONDS",
        integer(1, 20, "seconds"),
        help="How long a call waits for the first message.",
        default="5",
    )
    visibility_seconds: int = setting(
        "PROCESS_EMAIL_VISIBILITY_SECONDS",
        integer(3, 12 * 3600, "seconds"),
        help="How long a message is hidden from other consumers before the bridge must "
        "extend it. SQS delivers a dead bridge's messages again after this time.",
        default="120",
    )
    heartbeat_seconds: int = setting(
        "PROCESS_EMAIL_HEARTBEAT_SECONDS",
        integer(1, 3600, "seconds"),
        help="How often the bridge extends the messages in flight and looks for messages "
        "that Redis lost.",
        default="30",
    )
    max_in_flight: int = setting(
        "PROCESS_EMAIL_MAX_IN_FLIGHT",
        integer(1, 100_000),
        help="How many messages may be in flight, all bridges together. At this number the "
        "bridge stops receiving.",
        default="200",
    )
    grace_seconds: int = setting(
        "PROCESS_EMAIL_GRACE_SECONDS",
        integer(0, 600, "seconds"),
        help="How long a stopping bridge keeps deleting what the workers acknowledge.",
        default="10",
    )
    delete_failed_messages: bool = setting(
        "PROCESS_EMAIL_DELETE_FAILED_MESSAGES",
        boolean(),
        help="Whether messages that were rejected or dead-lettered are deleted from SQS. Otherwise "
        "SQS delivers them again, until it moves them to its own dead-letter queue.",
        default="false",
    )
    max_seconds: int | None = setting(
        "PROCESS_EMAIL_MAX_SECONDS",
        optional(integer(1, 365 * _DAY_SECONDS, "seconds"), none="0"),
        help="After how long the bridge exits by itself; empty or 0: never.",
        default="",
    )
    verbosity: int = setting(
        "PROCESS_EMAIL_VERBOSITY",
        integer(0, 4),
        help="0: errors, 1: warnings, 2: a line per cycle and message, 3: debug, 4: all.",
        default="2",
    )

    def problems(self) -> Iterator[Problem]:
        """Check the values against each other."""
        yield from super().problems()
        yield from queue_problems(
            self.region,
            AWS_SQS_EMAIL_QUEUE_URL=self.queue_url,
            AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL=self.overflow_queue_url,
        )
        if self.heartbeat_seconds * 2 > self.visibility_seconds:
            yield Problem(
                "PROCESS_EMAIL_HEARTBEAT_SECONDS",
                str(self.heartbeat_seconds),
                "at most half of PROCESS_EMAIL_VISIBILITY_SECONDS "
                f"({self.visibility_seconds}), so that one late extension loses no message",
            )
        if self.max_lifetime_seconds <= self.visibility_seconds:
            yield Problem(
                "PROCESS_EMAIL_MAX_LIFETIME_SECONDS",
                str(self.max_lifetime_seconds),
                f"more than PROCESS_EMAIL_VISIBILITY_SECONDS ({self.visibility_seconds})",
            )
        if self.health_max_age_seconds <= self.wait_seconds:
            yield Problem(
                "PROCESS_EMAIL_HEALTHCHECK_MAX_AGE",
                str(self.health_max_age_seconds),
                f"more than PROCESS_EMAIL_WAIT_SECONDS ({self.wait_seconds})",
            )
