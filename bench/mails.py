"""Realistic mails of any size."""

from email.message import EmailMessage
from email.policy import SMTP

_ROW = (
    '<tr><td style="color:#333"><a href="https://shop.example/{0}?a=1&amp;b=2">Größe {0}</a>'
    '<img src="https://cdn.shop.example/{0}.png" alt="picture" width="100"></td></tr>\r\n'
)
_PIXEL = '<img src="https://www.google-analytics.com/collect?v=1" width="1" height="1">'
_TEXTS_BYTES = 15_000

NUMBERED = rb"<(\d+)@shop\.example>"
"""Finds a mail's number in its Message-ID, to which the forwarded mail refers."""


def ordinary_mail(size: int = _TEXTS_BYTES, number: int = 0) -> bytes:
    """Write a newsletter of about `size` bytes: text and HTML, links, images and a tracker.

    What is more than 15 KB is an attachment.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = "Shop <news@shop.example>", "somebody@masks.example"
    mail["Subject"], mail["Message-ID"] = f"Grüße und Angebote {number}", f"<{number}@shop.example>"
    mail["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    for header in range(12 if size > 4000 else 2):
        mail[f"X-Header-{header}"] = "some value that nobody needs " * 2
    rows = max(1, (min(size, _TEXTS_BYTES) - 2500) * 4 // 5 // len(_ROW))
    html = "".join(_ROW.format(n) for n in range(rows))
    mail.set_content("".join(f"Größe {n}: https://shop.example/{n}\r\n" for n in range(rows)))
    mail.add_alternative(
        f"<html><head><title>x</title></head><body><table>{html}</table>{_PIXEL}</body></html>",
        subtype="html",
    )
    if size > _TEXTS_BYTES:
        # Base64 makes it a third larger.
        octets = bytes(range(256)) * ((size - _TEXTS_BYTES) * 3 // 4 // 256 + 1)
        mail.add_attachment(octets, "application", "pdf", filename="Katalog.pdf")
    return mail.as_bytes()
