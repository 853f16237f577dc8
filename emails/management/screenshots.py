"""Screenshots of mails, rendered by a headless Chromium.

A mail is hostile: it must not run anything, read this machine's files, or tell anybody that it was
looked at. So it is shown in a frame without any right (`sandbox`), under a policy that loads only
what the mail brings along; the browser keeps its own sandbox, and what it might still want from a
network goes to a port where nobody listens.
"""

import base64
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from pathlib import Path

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 60
_OPTIONS = (
    *("--headless=new", "--disable-gpu", "--hide-scrollbars", "--window-size=720,1400"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-bypass-list=<-loopback>"),
    *(
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--disable-background-networking",
    ),
)
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-src 'none'; "
    "form-action 'none'; base-uri 'none'"
)


class NoBrowser(Exception):
    """There is no Chromium that may be used. The text says why."""


def find_browser() -> str:
    """Return the path of a Chromium. Raises `NoBrowser`."""
    for name in _BROWSERS:
        if path := shutil.which(name):
            return path
    raise NoBrowser(f"--screenshot needs one of these programs: {', '.join(_BROWSERS)}")


def require_sandbox() -> None:
    """Raise `NoBrowser` for root: Chromium's own sandbox doesn't work for root."""
    if os.geteuid() == 0:
        raise NoBrowser(
            "--screenshot shows strangers' mail in a browser, whose sandbox doesn't work as root: "
            "run the command as another user."
        )


def take_screenshot(browser: str, file: Path) -> None:
    """Render the mail in `file` to a PNG next to it. Raises `SubprocessError` or `LookupError`."""
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    picture = file.with_name(f"{file.name}.png").resolve()
    with tempfile.TemporaryDirectory() as folder, _nobodys_port() as port:
        page = Path(folder) / "mail.html"
        page.write_text(framed(page_of(mail)), encoding="utf-8", errors="replace")
        subprocess.run(
            [
                *(browser, *_OPTIONS, f"--proxy-server=socks5://127.0.0.1:{port}"),
                *(f"--user-data-dir={folder}/profile", f"--screenshot={picture}", page.as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
    if not picture.exists():
        raise LookupError("the browser took no picture")


@contextmanager
def _nobodys_port() -> Iterator[int]:
    """Hold a port that refuses all connections: it is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def framed(content: str) -> str:
    """Return a page that shows a mail's HTML, and lets it do nothing."""
    return (
        f'<!doctype html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        "<style>html, body, iframe { border: 0; height: 100%; margin: 0; width: 100% }</style>"
        f'<iframe sandbox srcdoc="{escape(content)}"></iframe>'
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
