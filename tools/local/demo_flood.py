"""The demo's flood: many mails to one mask, which come before everything else."""

from tools.local.aws import MASK_DOMAIN, SentMail, SimulatedAws
from tools.local.cases import MAILS

MASK = "popular"
MAILS_OF_FLOOD = 80
SENDS_PER_SECOND = 10
"""What SES takes in the demo, so that there is something to wait for."""


def put(aws: SimulatedAws) -> None:
    """Let the flood arrive."""
    raw = (MAILS / "plain.eml").read_bytes()
    for _ in range(MAILS_OF_FLOOD):
        aws.deliver(raw, [f"{MASK}@{MASK_DOMAIN}"])


def count_sent(sent: list[SentMail]) -> int:
    """Count the flood's mails that were sent."""
    return sum(map(_is_of_flood, sent))


def count_before_others(sent: list[SentMail]) -> int:
    """Count the flood's mails that were sent before the last of the others."""
    others = [at for at, mail in enumerate(sent) if not _is_of_flood(mail)]
    return count_sent(sent[: max(others, default=0)])


def is_before_others(sent: list[SentMail], sent_before: int) -> bool:
    """Return whether more than half of the flood that waited was sent before the others' mail.

    `sent_before` of it had been sent when the last of the others' mail arrived.
    """
    waited = MAILS_OF_FLOOD - sent_before
    return count_before_others(sent) - sent_before > waited / 2


def _is_of_flood(mail: SentMail) -> bool:
    return mail.sender == f"{MASK}@{MASK_DOMAIN}"
