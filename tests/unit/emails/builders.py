"""Builders of SES notifications, and of the rules' input."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from emails.values.deliveries import Instant
from emails.values.facts import (
    Block,
    CreatableMask,
    FoundMask,
    Header,
    MailFacts,
    MaskFacts,
    MaskKind,
    MaskRef,
    OwnerFacts,
    Policy,
    Verdict,
    Verdicts,
    Volume,
)

NOW = datetime(2030, 5, 17, 12, 0, tzinfo=UTC)
BUCKET = "mails"

POLICY = Policy(
    mask_domains=("masks.example", "second.example"),
    replies_address="replies@masks.example",
    from_address="relay@masks.example",
    bucket=BUCKET,
    warning_url="https://relay.example/emails/tracker-warning/",
    probe_after=(timedelta(hours=1), timedelta(hours=4), timedelta(days=1)),
    probe_wait=timedelta(minutes=10),
    abuse_pause=timedelta(days=1),
    keep_held=timedelta(days=30),
    mask_limit=Volume(1000, 1_000_000),
    sender_limit=Volume(800, 800_000),
    max_replies_per_day=100,
    max_masks_per_day=3,
    max_masks_per_sender=3,
    claim_duration=timedelta(seconds=180),
    send_event_wait=None,
)

OWNER = OwnerFacts(
    id=1,
    address="ann@owner.example",
    language="en",
    is_active=True,
    is_premium=False,
    blocks_spam=False,
    removes_trackers=False,
    allows_metrics=False,
    has_replied=False,
    flagged_at=None,
)

MASK = MaskFacts(
    ref=MaskRef(MaskKind.RANDOM, 7), address="x7k2@masks.example", block=Block.NONE, label=""
)

PASSED = Verdicts(
    spam=Verdict.PASS,
    virus=Verdict.PASS,
    spf=Verdict.PASS,
    dkim=Verdict.PASS,
    dmarc=Verdict.PASS,
    dmarc_rejects=False,
)


def instant(wall: datetime = NOW) -> Instant:
    """A moment on a machine whose two clocks agree."""
    return Instant(wall, wall.timestamp())


def a_mail(
    headers: dict[str, str] | None = None, source: str = "bob@sender.example", **verdicts: Any
) -> MailFacts:
    """A mail that passes all checks except the given ones: `virus=Verdict.FAIL`."""
    fields = tuple(Header(name, value) for name, value in (headers or {}).items())
    return MailFacts(source=source, verdicts=replace(PASSED, **verdicts), headers=fields)


def a_found_mask(block: Block = Block.NONE, **owner: Any) -> FoundMask:
    """A mask and its owner; `owner` overrides fields of the owner: `is_premium=True`."""
    return FoundMask(mask=replace(MASK, block=block), owner=replace(OWNER, **owner))


def a_creatable_mask(local: str = "shop", **changes: Any) -> CreatableMask:
    """An unused address at a premium owner's domain."""
    mask = CreatableMask(
        local=local,
        domain="ann.masks.example",
        owner=replace(OWNER, is_premium=True),
        was_deleted=False,
        made_today=0,
    )
    return replace(mask, **changes)


def received(
    *to: str,
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    source: str = "bob@sender.example",
    key: str = "key-1",
    content: str | None = None,
    timestamp: str | None = None,
    **verdicts: str,
) -> dict[str, Any]:
    """SES's notification of a received mail, which is in S3 unless `content` is given."""
    default = {"From": "Bob <bob@sender.example>", "Message-ID": "<m1@sender.example>"}
    given = default if headers is None else headers
    fields = list(given.items()) if isinstance(given, dict) else given
    stored = {"type": "S3", "bucketName": BUCKET, "objectKey": key}
    inline = {"type": "SNS", "encoding": "UTF8"}
    document: dict[str, Any] = {
        "notificationType": "Received",
        "mail": {
            "source": source,
            "messageId": key,
            "timestamp": timestamp,
            "headersTruncated": False,
            "headers": [{"name": name, "value": value} for name, value in fields],
        },
        "receipt": {
            "recipients": list(to),
            **{
                f"{name}Verdict": {"status": verdicts.get(name, "PASS")}
                for name in ("spam", "virus", "spf", "dkim", "dmarc")
            },
            "action": stored if content is None else inline,
        },
    }
    return document if content is None else document | {"content": content}


def bounce(
    *addresses: str,
    kind: str = "Permanent",
    subkind: str = "General",
    diagnostic: str = "",
    status: str = "",
    action: str = "",
    shape: str = "notificationType",
    source: str = "x7k2@masks.example",
    tags: dict[str, str] | None = None,
    **mail: Any,
) -> dict[str, Any]:
    """SES's notification of a bounce. `shape` is the key that names its type.

    `mail` says more about the mail that bounced: `destination`, `messageId`.
    """
    evidence = {"status": status, "action": action, "diagnosticCode": diagnostic}
    said = {name: value for name, value in evidence.items() if value}
    recipients = [{"emailAddress": one, **said} for one in addresses]
    return {
        shape: "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": subkind,
            "bouncedRecipients": recipients,
            "timestamp": "2030-05-17T11:59:00.000Z",
        },
        "mail": _sent(source, tags) | mail,
    }


def complaint(
    *addresses: str,
    feedback: str = "abuse",
    subkind: str | None = None,
    shape: str = "notificationType",
    source: str = "x7k2@masks.example",
    tags: dict[str, str] | None = None,
    **mail: Any,
) -> dict[str, Any]:
    """SES's notification of a complaint. `shape` and `mail` as for a bounce."""
    return {
        shape: "Complaint",
        "complaint": {
            "complainedRecipients": [{"emailAddress": one} for one in addresses],
            "complaintFeedbackType": feedback,
            "complaintSubType": subkind,
            "timestamp": "2030-05-17T11:59:00.000Z",
        },
        "mail": _sent(source, tags) | mail,
    }


def _sent(source: str, tags: dict[str, str] | None) -> dict[str, Any]:
    mail: dict[str, Any] = {"source": source, "messageId": "0100-1"}
    return mail if tags is None else mail | {"tags": {name: [tags[name]] for name in tags}}


def as_json(document: object) -> str:
    """Serialize a notification, as in the envelope's `Message`."""
    return json.dumps(document)
