"""Makes SES's notification of a received mail from the raw mail.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

import base64
import email.policy
from collections.abc import Sequence
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from typing import Any

_PARSER = BytesHeaderParser(policy=email.policy.compat32)


def received_in_s3(
    raw: bytes, recipients: Sequence[str], *, bucket: str, key: str, **verdicts: str
) -> dict[str, Any]:
    """Make the notification of a mail stored in S3. `spam="FAIL"` sets a verdict; default PASS."""
    action = {"type": "S3", "bucketName": bucket, "objectKeyPrefix": "", "objectKey": key}
    return _received(raw, recipients, key, action, verdicts)


def received_inline(
    raw: bytes, recipients: Sequence[str], *, ses_id: str, **verdicts: str
) -> dict[str, Any]:
    """Make a notification that contains the whole mail."""
    action = {"type": "SNS", "encoding": "BASE64"}
    notification = _received(raw, recipients, ses_id, action, verdicts)
    return notification | {"content": base64.b64encode(raw).decode()}


def _received(
    raw: bytes,
    recipients: Sequence[str],
    ses_id: str,
    action: dict[str, str],
    verdicts: dict[str, str],
) -> dict[str, Any]:
    headers = _PARSER.parsebytes(raw)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    source = str(headers.get("Return-Path", "<>")).strip("<>") or str(headers.get("From", ""))
    return {
        "notificationType": "Received",
        "mail": {
            "timestamp": now,
            "source": source,
            "messageId": ses_id,
            "destination": list(recipients),
            "headersTruncated": False,
            "headers": [{"name": name, "value": str(value)} for name, value in headers.items()],
            "commonHeaders": {
                "from": [str(headers.get("From", ""))],
                "to": [str(headers.get("To", ""))],
                "subject": str(headers.get("Subject", "")),
                "messageId": str(headers.get("Message-ID", "")),
            },
        },
        "receipt": {
            "timestamp": now,
            "processingTimeMillis": 300,
            "recipients": list(recipients),
            **{
                f"{name}Verdict": {"status": verdicts.get(name, "PASS")}
                for name in ("spam", "virus", "spf", "dkim", "dmarc")
            },
            "action": action,
        },
    }
