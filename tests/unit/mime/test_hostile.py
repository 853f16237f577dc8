"""Mails designed to exhaust time or memory. `bench/` measures how long each takes."""

import subprocess
import sys
from dataclasses import replace

import pytest

from emails.mime.rewrite_forward import rewrite_forward
from tests.mime_checker import check_octets
from tests.unit.mime.builders import FORWARD, a_mail, read
from tests.unit.mime.hostile import HOSTILE_HTML, HOSTILE_MAILS

pytestmark = pytest.mark.slow

_TRACKING = replace(
    FORWARD, trackers=frozenset({"tracker.example"}), warning_url="https://w.example"
)


@pytest.mark.parametrize("name", HOSTILE_HTML)
def test_a_megabyte_of_hostile_html_is_forwarded(name: str) -> None:
    raw = a_mail("Content-Type: text/html; charset=utf-8", body=HOSTILE_HTML[name](1 << 20))
    result = rewrite_forward(raw, _TRACKING)
    assert check_octets(result.raw) == []
    assert b"[NOTE]" in result.raw


@pytest.mark.parametrize("name", HOSTILE_MAILS)
def test_a_hostile_mail_is_forwarded(name: str) -> None:
    result = rewrite_forward(HOSTILE_MAILS[name](), _TRACKING)
    assert check_octets(result.raw) == []
    assert b"[NOTE]" in result.raw


@pytest.mark.parametrize("octets", [b"\0", b"\xff", b"\x80\0"])
def test_a_text_of_arbitrary_octets_is_forwarded_whole_and_with_the_note(octets: bytes) -> None:
    text = octets * (1 << 20)
    result = rewrite_forward(a_mail(body="") + text, _TRACKING)
    assert check_octets(result.raw) == []
    found = [one.get_payload(decode=True) for one in read(result.raw).walk()]
    leaves = [one for one in found if isinstance(one, bytes)]
    assert any(text in one for one in leaves)
    assert any(b"[NOTE]" in one for one in leaves)


_LARGE_MAIL = """
import base64, resource, sys
from emails.mime.rewrite_forward import rewrite_forward
from tests.unit.mime.builders import FORWARD, a_mail
kind = sys.argv[1]
size = 40 * 10**6
if kind == "attachment":
    line = base64.b64encode(bytes(range(57))) + b"\\r\\n"
    head = ["Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64"]
    raw = a_mail(*head, body="") + line * (size // len(line))
else:
    raw = a_mail("Content-Type: " + kind, body="") + b"some <b>words</b> here\\r\\n" * (size // 24)
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
rewrite_forward(raw[:100_000], FORWARD)
before = peak() - len(raw)
rewrite_forward(raw, FORWARD)
print((peak() - before) / len(raw))
"""


@pytest.mark.parametrize("kind", ["attachment", "text/plain", "text/html"])
def test_a_mail_of_40_mb_costs_at_most_four_times_its_size(kind: str) -> None:
    command = [sys.executable, "-c", _LARGE_MAIL, kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) <= 4


_LARGE_REPLY = """
import resource
from emails.mime.rewrite_reply import rewrite_reply
from tests.unit.mime.builders import REPLY, a_mail
part = "--b\\nContent-Type: text/html\\n\\n"
head = a_mail("Content-Type: multipart/mixed; boundary=b", body=part)
html = b"<p>some <b>words</b> here</p>\\r\\n" * 250_000
text = b"> some words in a line here\\r\\n" * 300_000
raw = head + html + b"--b\\r\\n\\r\\n" + text + b"--b--\\r\\n"
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
rewrite_reply(raw[:100_000], REPLY)
before = peak() - len(raw)
rewrite_reply(raw, REPLY)
print((peak() - before) / len(raw))
"""


def test_a_large_reply_costs_at_most_five_times_its_size() -> None:
    command = [sys.executable, "-c", _LARGE_REPLY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) <= 5
