"""What bounces here: SES's mailbox simulator, and the addresses that a test names.

https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tools.aws.ses import Accepted
from tools.local.send_events import event

_SIMULATOR = "simulator.amazonses.com"

HARD = {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "action": "failed",
    "status": "5.1.1",
    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
}
VACATION_REPLY = {"bounceType": "Transient", "bounceSubType": "General"}
"""SES takes it for a bounce, of which it can say nothing more."""

_SIMULATED = {
    "bounce": HARD,
    "ooto": VACATION_REPLY,
    "suppressionlist": HARD
    | {
        "bounceSubType": "Suppressed",
        "diagnosticCode": "Amazon SES has suppressed sending to this address.",
    },
}


def bounce_of(
    mail: Accepted, bouncing: Mapping[str, Mapping[str, str]]
) -> dict[str, object] | None:
    """Make the event of a mail that bounces; None: it arrives.

    `bouncing` maps addresses to SES's fields: of the bounce (`bounceType`, `bounceSubType`), and of
    its recipient (`status`, `action`, `diagnosticCode`).
    """
    for recipient in mail.recipients:
        if said := _said(recipient, bouncing):
            of_recipient = {name: said[name] for name in said if not name.startswith("bounce")}
            bounce = {
                "bounceType": said["bounceType"],
                "bounceSubType": said.get("bounceSubType", "General"),
                "bouncedRecipients": [{"emailAddress": recipient, **of_recipient}],
                "timestamp": datetime.now(UTC).isoformat(),
                "feedbackId": mail.ses_id,
            }
            told = event("Bounce", mail.ses_id, mail.sender, mail.recipients, dict(mail.tags))
            return told | {"bounce": bounce}
    return None


def status_of(bounce: Mapping[str, Any]) -> str:
    """Return the status in such an event; empty: it says none."""
    (recipient,) = bounce["bounce"]["bouncedRecipients"]
    return str(recipient.get("status", ""))


def _said(recipient: str, bouncing: Mapping[str, Mapping[str, str]]) -> Mapping[str, str] | None:
    local, _, domain = recipient.rpartition("@")
    if recipient in bouncing:
        return bouncing[recipient]
    return _SIMULATED.get(local.partition("+")[0]) if domain == _SIMULATOR else None
