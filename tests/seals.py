"""The seals of the tests, as `LEDGER_SECRETS` in `tests.environment` makes them."""

import json
from functools import cache

from runtime.seals import Seals
from tests.environment import SETTINGS
from tools.local.signing import notification

SEALS = Seals(SETTINGS["LEDGER_SECRETS"].split(","))

_UNSIGNED = {"Signature": "AAAA", "SignatureVersion": "2", "SigningCertURL": "none"}


@cache
def sealed(message: str, sqs_message_id: str, sns_message_id: str = "sns-1") -> str:
    """SES's JSON as the bridge leaves it for the workers, but nobody signed the envelope."""
    body = json.dumps(notification("arn:topic", message, sns_message_id) | _UNSIGNED)
    return SEALS.seal(body, sqs_message_id)
