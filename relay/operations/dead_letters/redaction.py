"""Redacts a notification for operators: it shows SES's words, ids and times, and no address,
header, subject or body. Pure.

Shown fields are listed, so a field that SES adds stays hidden until somebody lists it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

HIDDEN = "hidden"

Shown: TypeAlias = "Mapping[str, Shown] | None"
"""The fields shown of an object; None for a text, a number or a list of them, shown as it is."""

_VERDICT: Shown = {"status": None}
_TAGS: Shown = {"kind": None, "mask": None}
_RECIPIENTS: Shown = {"action": None, "status": None}

_NOTIFICATION: Shown = {
    "notificationType": None,
    "eventType": None,
    "mail": {"timestamp": None, "messageId": None, "headersTruncated": None, "tags": _TAGS},
    "receipt": {
        "timestamp": None,
        "processingTimeMillis": None,
        "spamVerdict": _VERDICT,
        "virusVerdict": _VERDICT,
        "spfVerdict": _VERDICT,
        "dkimVerdict": _VERDICT,
        "dmarcVerdict": _VERDICT,
        "dmarcPolicy": None,
        "action": {"type": None, "encoding": None, "bucketName": None, "objectKey": None},
    },
    "bounce": {
        "bounceType": None,
        "bounceSubType": None,
        "timestamp": None,
        "feedbackId": None,
        "bouncedRecipients": _RECIPIENTS,
    },
    "complaint": {
        "complaintFeedbackType": None,
        "complaintSubType": None,
        "timestamp": None,
        "arrivalDate": None,
        "feedbackId": None,
        "complainedRecipients": {},
    },
}

_NAMES = frozenset(
    {"source", "sourceArn", "sendingAccountId", "callerIdentity", "destination", "recipients"}
    | {"headers", "commonHeaders", "content", "topicArn", "emailAddress", "diagnosticCode"}
    | {"reportingMTA", "userAgent", "remoteMtaIp"}
)
"""Fields whose names are shown and values hidden. All other fields are only counted."""

_SAFE = re.compile(r"[A-Za-z0-9 _./:+-]{0,200}")
"""The characters of a shown text; no @ in any field."""


def redacted(notification: str) -> Any:
    """Return SES's JSON with everything personal hidden."""
    try:
        document = json.loads(notification)
    except (ValueError, RecursionError):
        return _hidden(notification)
    return _redacted(document, _NOTIFICATION)


def _redacted(value: Any, shown: Shown) -> Any:
    if isinstance(value, list):
        return [_redacted(one, shown) for one in value]
    if isinstance(value, dict) and shown is not None:
        return _fields(value, shown)
    is_plain = value is None or isinstance(value, bool | int | float)
    if shown is None and (is_plain or (isinstance(value, str) and _SAFE.fullmatch(value))):
        return value
    return _hidden(value)


def _fields(value: dict[str, Any], shown: Mapping[str, Shown]) -> dict[str, Any]:
    fields = {name: _redacted(value[name], shown[name]) for name in value if name in shown}
    fields |= {name: _hidden(value[name]) for name in value if name in _NAMES - shown.keys()}
    others = len(value) - len(fields)
    return fields | ({"other fields": f"{HIDDEN}: {others}"} if others else {})


def _hidden(value: Any) -> str:
    if isinstance(value, str):
        return f"{HIDDEN}: {len(value)} characters"
    if isinstance(value, list | dict):
        return f"{HIDDEN}: {len(value)} entries"
    return HIDDEN
