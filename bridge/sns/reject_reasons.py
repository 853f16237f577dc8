"""Why the bridge doesn't process a message: every reason, and the exception that carries it."""

import re
from enum import StrEnum


class RejectReason(StrEnum):
    """Why a message is not processed, and what that tells an operator."""

    NOT_JSON = "not_json"
    """The body isn't JSON: something other than SNS writes to the queue."""

    NOT_AN_ENVELOPE = "not_an_envelope"
    """JSON, but not an SNS envelope: a field is missing, duplicated or malformed."""

    RAW_DELIVERY = "raw_delivery"
    """An SES notification without its envelope, so that nothing shows who sent it: the topic's
    subscription has raw message delivery turned on. Turn it off; no mail gets through until then.
    """

    UNKNOWN_TYPE = "unknown_type"
    """An envelope of a type that SNS doesn't document."""

    WRONG_TOPIC = "wrong_topic"
    """Another topic's: add it to `AWS_SNS_TOPIC` if it's yours, otherwise fix the queue's
    policy."""

    SIGNATURE_VERSION_REFUSED = "signature_version_refused"
    """Signed in a version that `AWS_SNS_SIGNATURE_VERSIONS` doesn't accept, or that isn't known.
    Set the topic's attribute `SignatureVersion` to 2."""

    WRONG_CERTIFICATE_URL = "wrong_certificate_url"
    """The certificate isn't SNS's, or not of the topic's region: a forgery."""

    BAD_CERTIFICATE = "bad_certificate"
    """SNS's host served an untrustworthy certificate: expired, weak, not RSA, or several.
    Check this machine's clock."""

    BAD_SIGNATURE = "bad_signature"
    """The signature isn't that of this envelope: forged, or changed on its way."""

    TOO_OLD = "too_old"
    """Genuine, but older than the database's memory, so it may have been processed already: moved
    back from a dead-letter queue late, or replayed. The bucket's expiry decides whether its mail
    still exists."""

    FROM_THE_FUTURE = "from_the_future"
    """Published more than a quarter of an hour from now: check this machine's clock."""

    SUBSCRIPTION_CONFIRMATION = "subscription_confirmation"
    """Genuine: SNS asks to confirm the queue's subscription. Confirm it through the SNS API; see
    `AWS_SNS_CONFIRM_SUBSCRIPTIONS`."""

    UNSUBSCRIBE_CONFIRMATION = "unsubscribe_confirmation"
    """Genuine: the queue was unsubscribed from the topic. If nobody meant to, subscribe it again.
    """

    NOT_A_NOTIFICATION = "not_a_notification"
    """Genuine, but nothing that SES publishes: something else uses the topic."""


class Rejected(Exception):
    """This message isn't processed. `detail` may be logged: it never holds text of a mail."""

    def __init__(self, reason: RejectReason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


def loggable(text: str) -> str:
    """Make a name out of an envelope fit for a log: short, plain, and no address."""
    return text if re.fullmatch(r"[A-Za-z0-9._:/-]{1,100}", text) else "(not shown)"
