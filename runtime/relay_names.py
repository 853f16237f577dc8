"""What Firefox Relay calls our metrics, for charts and alarms of before a move.

With METRICS_NAMES=relay each event that both systems know is published a second time, under its
name there. `NAMES` is the mapping, which docs/migration.md shows. Pure, but for the backend.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from markus.backends import BackendBase
from markus.main import MetricsRecord


@dataclass(frozen=True, slots=True)
class Name:
    """Our metric, only with these tags, and its names there.

    `carried` are tags that go along: ours, and what they are called there.
    """

    ours: str
    theirs: tuple[str, ...]
    tags: tuple[str, ...] = ()
    carried: dict[str, str] = field(default_factory=dict)


def _outcome(outcome: str, reason: str, *theirs: str) -> Name:
    tags = (f"outcome:{outcome}", f"reason:{reason}") if reason else (f"outcome:{outcome}",)
    return Name("emails.outcome", theirs, tags)


NAMES = (
    Name("bridge.taken", ("process_message_from_sqs", "sns_inbound"), ("result:enqueued",)),
    Name("emails.not_settled", ("message_from_sqs_error", "email_processing_failure")),
    _outcome("forwarded", "", "email_for_active_address", "ses_send_raw_email"),
    _outcome("forwarded", "new_mask", "domainaddress.create", "domainaddress.create_via_email"),
    _outcome("blocked", "blocks_all", "email_for_disabled_address"),
    _outcome("blocked", "blocks_promotions", "list_email_for_address_blocking_lists"),
    _outcome("held", "spam", "email_auto_suppressed_for_spam"),
    _outcome("held", "dmarc_reject", "email_suppressed_for_dmarc_failure"),
    _outcome("held", "mailbox", "email_suppressed_for_hard_bounce"),
    Name("emails.nomask", ("email_for_unknown_address",), ("kind:unknown_mask",)),
    Name("emails.nomask", ("email_for_deleted_address",), ("kind:deleted",)),
    Name("emails.nomask", ("email_for_dne_subdomain",), ("kind:unknown_owner",)),
    _outcome("ignored", "not_ours", "email_for_not_supported_domain"),
    _outcome("ignored", "noreply", "email_for_noreply_address"),
    _outcome("replied", "", "reply_email", "ses_send_raw_email"),
    _outcome("dropped", "replies_need_premium", "free_user_reply_attempt"),
    _outcome("dropped", "ambiguous_sender", "reply_email_header_error"),
    _outcome("dropped", "unknown_thread", "mail_to_replies_without_reply_headers"),
    Name(
        "emails.bounce",
        ("email_bounce",),
        carried={"type": "bounce_type", "subtype": "bounce_subtype"},
    ),
    Name("emails.complaint", ("email_complaint",), carried={"feedback": "complaint_feedback"}),
    _outcome("recorded", "mask_disabled", "send_disabled_mask_email"),
    Name("emails.mails_not_deleted", ("message_not_removed_from_s3",)),
    Name("emails.size", ("relayed_email.size",), ("direction:sent",)),
    Name("emails.call", ("s3_get_message_content",), ("dependency:s3",)),
    *(
        Name(
            "emails.verdict",
            (f"relay.emails.verdicts.{check}",),
            (f"check:{check}",),
            {"verdict": "verdict"},
        )
        for check in ("spam", "virus", "spf", "dkim", "dmarc")
    ),
    *(
        Name(gauge, (gauge,), carried={"queue": "queue"})
        for gauge in (
            "email_queue_count",
            "email_queue_count_delayed",
            "email_queue_count_not_visible",
        )
    ),
)

_BY_METRIC: dict[str, list[Name]] = {}
for _name in NAMES:
    _BY_METRIC.setdefault(_name.ours, []).append(_name)


def named(metric: str, tags: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield what an event of ours is called there, each with its tags."""
    for name in _BY_METRIC.get(metric, ()):
        if not set(name.tags) <= set(tags):
            continue
        split = dict(tag.split(":", 1) for tag in tags if ":" in tag)
        carried = [
            f"{there}:{split[ours]}" for ours, there in name.carried.items() if ours in split
        ]
        for theirs in name.theirs:
            yield theirs, carried


class RelayNames(BackendBase):  # type: ignore[misc]
    """Passes events on to another backend, under their names there."""

    def __init__(self, backend: BackendBase) -> None:
        super().__init__()
        self._backend = backend

    def emit(self, record: MetricsRecord) -> None:
        """Emit the event once for each name that it has there."""
        for name, tags in named(record.key, record.tags or ()):
            fields: dict[str, Any] = {"key": name, "value": record.value, "tags": tags}
            self._backend.emit(MetricsRecord(stat_type=record.stat_type, **fields))
