"""Screenshots of mails, rendered by a headless Chromium without network access."""

import base64
import os
import shutil
import subprocess
import tempfile
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from pathlib import Path

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 60
_OPTIONS = (
    *("--headless=new", "--disable-gpu", "--hide-scrollbars", "--disable-javascript"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=720,1400"),
)


class NoBrowser(Exception):
    """No Chromium is installed. The text names the programs we looked for."""


def find_browser() -> str:
    """Return the path of a Chromium. Raises `NoBrowser`."""
    for name in _BROWSERS:
        if path := shutil.which(name):
            return path
    raise NoBrowser(f"--screenshot needs one of these programs: {', '.join(_BROWSERS)}")


def take_screenshot(browser: str, file: Path) -> None:
    """Render the mail in `file` to a PNG next to it. Raises `subprocess.SubprocessError`."""
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    picture = file.with_name(f"{file.name}.png").resolve()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "mail.html"
        page.write_text(page_of(mail), encoding="utf-8")
        # Chromium's sandbox doesn't work as root.
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        command = [browser, *_OPTIONS, *sandbox, f"--user-data-dir={folder}/profile"]
        subprocess.run(
            [*command, f"--screenshot={picture}", page.as_uri()],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )


def page_of(mail: EmailMessage) -> str:
    """Return the HTML that a mail program would show, with inline images, or else the text."""
    body = mail.get_body(preferencelist=("html", "plain"))
    if body is None:
        return "<p>This mail has no text to show.</p>"
    content = str(body.get_content())
    if body.get_content_type() != "text/html":
        return f"<meta charset='utf-8'><pre style='white-space: pre-wrap'>{escape(content)}</pre>"
    for part in mail.walk():
        content_id = str(part["content-id"] or "").strip().strip("<>")
        if content_id and part.get_content_maintype() == "image":
            octets = part.get_payload(decode=True)
            data = base64.b64encode(octets if isinstance(octets, bytes) else b"").decode()
            content = content.replace(
                f"cid:{content_id}", f"data:{part.get_content_type()};base64,{data}"
            )
    return f"<meta charset='utf-8'>{content}"
