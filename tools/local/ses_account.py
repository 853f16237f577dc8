"""What the local SES says of its account: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html"""

from collections.abc import Mapping
from typing import Any

PATH = "/v2/email/account"

HEALTHY: Mapping[str, Any] = {
    "DedicatedIpAutoWarmupEnabled": False,
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "SendQuota": {"Max24HourSend": 50_000_000.0, "MaxSendRate": 10_000.0, "SentLast24Hours": 0.0},
}
"""An account in good standing, that no test reaches the limits of."""


def described(changes: Mapping[str, Any], sent: int) -> dict[str, Any]:
    """Return the answer for an account that has sent so much, with some fields changed."""
    quota = {**HEALTHY["SendQuota"], "SentLast24Hours": float(sent), **changes.get("SendQuota", {})}
    return {**HEALTHY, **changes, "SendQuota": quota}
