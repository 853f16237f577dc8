"""The demo's mails: what is sent, and what must happen to it.

Each case that forwards has its own masks, so that a sent mail identifies its case.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tools.local.aws import BUCKET, TOPIC, SimulatedAws
from tools.local.ses import received_in_s3
from tools.local.signing import notification

MAILS = Path(__file__).parent / "mails"

OWNERS = (("ann@owner.example", "--premium"), ("bob@owner.example",))

MASKS = (
    ("ann@owner.example", "shop", "none"),
    ("ann@owner.example", "offers", "promotions"),
    ("ann@owner.example", "silent", "all"),
    ("bob@owner.example", "bills", "none"),
    ("bob@owner.example", "club", "none"),
    ("ann@owner.example", "band", "none"),
    ("ann@owner.example", "again", "none"),
    ("ann@owner.example", "ill", "none"),
)

Put = Callable[[SimulatedAws, "Case"], str]


@dataclass(frozen=True, slots=True)
class Case:
    """One mail: its recipients, and for each the expected outcome, as logged.

    `put` puts it into the queue and returns the SQS message's id. The bridge rejects a case with
    `rejected`, for that reason; it ends in SQS's dead-letter queue.
    """

    name: str
    mail: str = "plain.eml"
    masks: tuple[str, ...] = ("shop",)
    outcomes: tuple[str, ...] = ()
    rejected: str | None = None
    verdicts: dict[str, str] = field(default_factory=dict)
    put: Put = lambda aws, case: aws.put(case.envelope(aws))

    @property
    def sns_message_id(self) -> str:
        """SNS's id of the notification; it names the case, to find its log lines."""
        return "demo-" + self.name.replace(" ", "-")

    def envelope(self, aws: SimulatedAws) -> str:
        """Store the mail, and make the signed envelope of its notification."""
        raw = (MAILS / self.mail).read_bytes()
        recipients = [f"{mask}@masks.example" for mask in self.masks]
        key = self.sns_message_id
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=raw)
        received = received_in_s3(raw, recipients, bucket=BUCKET, key=key, **self.verdicts)
        return json.dumps(aws.signer.sign(notification(TOPIC, json.dumps(received), key)))


def _twice(aws: SimulatedAws, case: Case) -> str:
    body = case.envelope(aws)
    aws.put(body)
    return aws.put(body)


def _tampered(aws: SimulatedAws, case: Case) -> str:
    envelope = json.loads(case.envelope(aws))
    envelope["Message"] = envelope["Message"].replace("ann@sender.example", "eve@evil.example")
    return aws.put(json.dumps(envelope))


CASES = (
    Case("plain text", outcomes=("forwarded/existing_mask",)),
    Case(
        "HTML with attachment",
        mail="html-with-attachment.eml",
        masks=("bills",),
        outcomes=("forwarded/existing_mask",),
    ),
    Case(
        "two recipients",
        mail="two-recipients.eml",
        masks=("club", "band"),
        outcomes=("forwarded/existing_mask",) * 2,
    ),
    Case(
        "delivered twice by SNS",
        masks=("again",),
        outcomes=("forwarded/existing_mask",),
        put=_twice,
    ),
    Case("to an unknown mask", masks=("nobody",), outcomes=("nomask/unknown",)),
    Case("to a blocking mask", masks=("silent",), outcomes=("blocked/blocks_all",)),
    Case(
        "newsletter to a mask that wants none",
        mail="newsletter.eml",
        masks=("offers",),
        outcomes=("blocked/blocks_promotions",),
    ),
    Case(
        "with a virus",
        masks=("ill",),
        verdicts={"virus": "FAIL"},
        outcomes=("dropped/virus",),
    ),
    Case("with a broken signature", rejected="bad_signature", put=_tampered),
    Case("no JSON at all", rejected="not_json", put=lambda aws, case: aws.put("hello?")),
)

REJECTED = tuple(case for case in CASES if case.rejected)
KEPT = tuple(case for case in REJECTED if case.put is _tampered)
"""The cases whose mail stays in S3, because it is never settled."""
