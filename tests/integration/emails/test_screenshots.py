"""Screenshots of hostile mails, with a real Chromium: nothing runs, and nobody hears of it."""

import multiprocessing
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from email import message_from_string, policy
from functools import partial
from pathlib import Path

import pytest

from emails.management import screenshots
from emails.management.screenshots import NoBrowser, find_browser, framed, page_of

NOBODY = 65534

needs_chromium = pytest.mark.skipif(
    not shutil.which("chromium") and "CI" not in os.environ, reason="there is no Chromium here"
)


class Listener:
    """Hears whoever connects to this machine, by TCP or UDP."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        for listen in (self._accept, self._receive):
            threading.Thread(target=listen, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self.tcp.accept()
            self.heard.append("TCP")
            connection.close()

    def _receive(self) -> None:
        while True:
            self.udp.recvfrom(2_000)
            self.heard.append("UDP")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user than root may use as well."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def render(mail: Path) -> bytes:
    """Take a screenshot as a user whom Chromium's sandbox works for; return it."""
    take: Callable[[], None] = partial(screenshots.take_screenshot, find_browser(), mail)
    process = multiprocessing.get_context("fork").Process(target=_as_nobody, args=(take,))
    process.start()
    process.join(90)
    assert process.exitcode == 0
    return mail.with_name(f"{mail.name}.png").read_bytes()


def _as_nobody(run: Callable[[], None]) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    os.environ["HOME"] = tempfile.mkdtemp()
    run()


def a_mail(folder: Path, html: str) -> Path:
    file = folder / "mail.eml"
    file.write_text(f"From: eve@evil.example\nContent-Type: text/html; charset=utf-8\n\n{html}")
    return file


def hostile(listener: Listener) -> dict[str, str]:
    tcp = "{}:{}".format(*listener.tcp.getsockname())
    port = tcp.rpartition(":")[2]
    udp = "{}:{}".format(*listener.udp.getsockname())
    return {
        "a script": f"<script>new Image().src='http://{tcp}/'</script>",
        "an event": f"<img src=x onerror=\"new Image().src='http://{tcp}/'\">",
        "a link to a script": f"<iframe src=\"javascript:new Image().src='http://{tcp}/'\"></iframe>",
        "images": f"<img src='http://{tcp}/'><img src='http://localhost:{port}/'>"
        f"<img src='http://[::ffff:127.0.0.1]:{port}/'>",
        "a style": f"<style>@import url('http://{tcp}/'); body {{ background: url(http://{tcp}/) }}"
        f"@font-face {{ font-family: x; src: url(http://{tcp}/) }} p {{ font-family: x }}"
        "</style><p>x",
        "a refresh": f"<meta http-equiv=refresh content='0;url=http://{tcp}/'>",
        "frames": f"<iframe src='http://{tcp}/'></iframe><object data='http://{tcp}/'></object>"
        f"<embed src='http://{tcp}/'>",
        "hints": f"<link rel=preload as=image href='http://{tcp}/'><link rel=prefetch href='http://{tcp}/'>"
        f"<link rel=preconnect href='http://{tcp}/'><link rel=stylesheet href='http://{tcp}/'>",
        "a form": f"<form action='http://{tcp}/'><input type=image src='http://{tcp}/'></form>",
        "WebRTC": f"<script>const c=new RTCPeerConnection({{iceServers:[{{urls:'stun:{udp}'}}]}});"
        "c.createDataChannel('x'); c.createOffer().then(o=>c.setLocalDescription(o));"
        "const t=Date.now(); while(Date.now()-t<1500);</script>",
        "an end of the frame": f"\"></iframe><img src='http://{tcp}/'><script>new Image().src="
        f"'http://{tcp}/'</script>",
    }


@needs_chromium
@pytest.mark.parametrize("name", list(hostile(Listener())))
def test_nobody_hears_that_a_hostile_mail_was_looked_at(folder: Path, name: str) -> None:
    listener = Listener()

    picture = render(a_mail(folder, hostile(listener)[name]))

    assert picture.startswith(b"\x89PNG")
    assert listener.heard == []


@needs_chromium
@pytest.mark.parametrize("element", ["<iframe src='{}'></iframe>", "<object data='{}'></object>"])
def test_no_file_of_this_machine_is_shown(folder: Path, element: str) -> None:
    secret, nothing = folder / "secret.html", folder / "nothing.html"
    secret.write_text("<body style='background: red'>swordfish")

    shown = render(a_mail(folder, element.format(secret.as_uri())))

    assert shown == render(a_mail(folder, element.format(nothing.as_uri())))


@needs_chromium
def test_no_script_changes_the_picture(folder: Path) -> None:
    changing = "<p>x</p><script>document.body.style.background = 'red'</script>"

    assert render(a_mail(folder, changing)) == render(a_mail(folder, "<p>x</p>"))


@needs_chromium
def test_what_the_mail_brings_along_is_shown(folder: Path) -> None:
    red = "<div style='background: red; height: 90px'></div>"
    image = "<img width=90 height=90 src='data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22>"
    image += "<rect width=%2290%22 height=%2290%22 fill=%22red%22/></svg>'>"

    empty = render(a_mail(folder, ""))

    assert len({empty, render(a_mail(folder, red)), render(a_mail(folder, image))}) == 3


@pytest.mark.parametrize(
    "html", ["</iframe><script>", '"><script>', "&quot;><script>", "'><script>"]
)
def test_nothing_gets_out_of_the_frame(html: str) -> None:
    mail = message_from_string(f"Content-Type: text/html\n\n{html}", policy=policy.default)

    page = framed(page_of(mail))

    assert page.count("<script") == 0
    assert page.count("<iframe sandbox srcdoc=") == 1
    assert page.endswith('"></iframe>')


def test_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(NoBrowser, match="run the command as another user"):
        screenshots.require_sandbox()


def test_another_user_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    screenshots.require_sandbox()


def test_the_browsers_own_sandbox_is_never_switched_off() -> None:
    assert "--no-sandbox" not in Path(screenshots.__file__).read_text()
