"""Two folders for trying things out: mails put into `in` are delivered; sent mails appear in `out`.

They stand in for SES's SMTP side, which a local AWS lacks.
"""

import email.policy
import time
from email.parser import BytesHeaderParser
from pathlib import Path

from emails.rules.addresses import addresses_in
from tools.local.aws import MASK_DOMAIN, SimulatedAws

_UNCHANGED_SECONDS = 1


class DropFolder:
    """`folder/in` and `folder/out` of a local AWS. Call `poll` regularly."""

    def __init__(self, aws: SimulatedAws, folder: Path) -> None:
        self._aws = aws
        self.inbox = folder / "in"
        self.outbox = folder / "out"
        self._saved = 0
        for path in (self.inbox, self.outbox):
            path.mkdir(parents=True, exist_ok=True)

    def poll(self) -> None:
        """Deliver the mails in the inbox, and save those sent since the last poll."""
        for path in sorted(self.inbox.glob("*.eml")):
            # A file that changed just now may still be incomplete.
            if time.time() - path.stat().st_mtime >= _UNCHANGED_SECONDS:
                self._deliver(path)
        for mail in self._aws.sent()[self._saved :]:
            self._saved += 1
            (self.outbox / f"{self._saved:04}.eml").write_bytes(mail.raw)

    def _deliver(self, path: Path) -> None:
        raw = path.read_bytes()
        if recipients := recipients_of(raw):
            self._aws.deliver(raw, recipients)
            path.unlink()
        else:
            path.rename(path.with_suffix(".without-mask"))


def recipients_of(raw: bytes) -> list[str]:
    """List the masks that a mail is addressed to, by its headers: there is no SMTP envelope."""
    headers = BytesHeaderParser(policy=email.policy.compat32).parsebytes(raw)
    fields = [str(value) for name in ("To", "Cc", "Bcc") for value in headers.get_all(name, [])]
    addresses = [address for field in fields for address in addresses_in(field)]
    return [address for address in addresses if _has_masks(address.rpartition("@")[2].lower())]


def _has_masks(domain: str) -> bool:
    return domain == MASK_DOMAIN or domain.endswith(f".{MASK_DOMAIN}")
