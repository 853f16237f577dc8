"""Brings canaries back: mails that SES sends to the canary's mask are received there."""

from tools.local.aws import SimulatedAws

OWNER = "success@simulator.amazonses.com"
"""SES's simulator of a mailbox that takes everything."""


class WayBack:
    """Stands in for the internet between SES's sending and its receiving side. Call `poll`."""

    def __init__(self, aws: SimulatedAws, mask: str) -> None:
        self._aws = aws
        self._mask = mask
        self._seen = 0

    def poll(self) -> None:
        """Deliver the mails to the mask that were sent since the last poll."""
        for mail in self._aws.sent()[self._seen :]:
            self._seen += 1
            if self._mask in mail.recipients:
                self._aws.deliver(mail.raw, (self._mask,))
