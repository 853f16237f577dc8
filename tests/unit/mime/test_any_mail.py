"""Properties of rewriting: all kinds of mails, valid and damaged, and an independent reader."""

import random
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emails.mime.rewrite_forward import rewrite_forward
from emails.mime.rewrite_reply import rewrite_reply
from emails.values.errors import Refused
from tests.mime_checker import check_forward, check_octets
from tests.unit.mime.builders import FORWARD, MASK, OWNER, REPLY
from tests.unit.mime.mails import mails

pytestmark = pytest.mark.slow

_TRACKING = replace(
    FORWARD, trackers=frozenset({"tracker.example"}), warning_url="https://w.example"
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mails())
def test_the_standard_library_reads_the_same_content_from_a_forwarded_mail(raw: bytes) -> None:
    assert check_forward(raw, rewrite_forward(raw, FORWARD).raw, mask=MASK, recipient=OWNER) == []


@given(mails())
def test_forwarding_a_valid_mail_is_deterministic(raw: bytes) -> None:
    assert rewrite_forward(raw, FORWARD) == rewrite_forward(raw, FORWARD)


def damaged(raw: bytes, seed: int) -> bytes:
    """Damage a mail in a few places: delete, double, overwrite or insert some octets."""
    chance = random.Random(seed)
    data = bytearray(raw)
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice([0, 1, 2, 40, 400]))
        match chance.randrange(6):
            case 0:
                data[start:end] = b""
            case 1:
                data[start:start] = data[start:end]
            case 2:
                data[start:end] = chance.randbytes(end - start)
            case 3:
                data[start:start] = chance.choice(_FRAGMENTS)
            case 4:
                data[start:end] = data[start:end].swapcase()
            case _:
                data[start:end] = data[start:end].replace(b"\r\n", chance.choice([b"\n", b"\r"]))
    return bytes(data)


_PART = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n%s\r\n--x--\r\n"

_FRAGMENTS = (
    *(b"\0", b"\r", b"\n\n", b"\xff\xfe", b"=", b"=\n", b'"', b"<", b"<!--", b"</body>", b"--"),
    *(b"Content-Type: multipart/mixed; boundary=\n", b"Content-Transfer-Encoding: base64\n"),
    *(b"=?utf-8?q?", b"=?x?b?=?=", b"(((", b"\n From: x\n", b"a" * 1200, b"Content-Type: ;;;=\n"),
)


@given(mails(), st.integers(min_value=0, max_value=2**32))
def test_a_damaged_mail_is_still_sendable(raw: bytes, seed: int) -> None:
    result = rewrite_forward(damaged(raw, seed), _TRACKING).raw
    assert check_octets(result) == []


@given(mails(), st.integers(min_value=0, max_value=2**32))
def test_a_damaged_reply_is_still_sendable_or_refused(raw: bytes, seed: int) -> None:
    plan = replace(REPLY, stand_in="replies+token@masks.example")
    with suppress(Refused):
        assert check_octets(rewrite_reply(damaged(raw, seed), plan).raw) == []


_LONG = b"a" * 1200


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: tex" + _LONG + b"t/plain",
        b"Content-Type: text/" + _LONG,
        b"Content-Type: " + b"a" * 600 + b"/" + b"b" * 600,
        b"Content-Type: text/plain; charset=" + _LONG,
        b"Content-Type: text/plain; " + _LONG + b"=b",
        b"Content-Type: application/pdf; name=" + _LONG,
        b"Content-Disposition: " + _LONG,
        b"Content-" + _LONG + b": b",
    ],
)
@pytest.mark.parametrize("where", [b"", b"Content-Disposition: attachment\r\n"])
@pytest.mark.parametrize("around", [b"%s", _PART])
def test_no_header_gets_a_line_that_is_too_long(header: bytes, where: bytes, around: bytes) -> None:
    part = b"%s%s\r\n\r\nplain words" % (where, header)
    result = rewrite_forward(b"From: bob@sender.example\r\n" + around % part, _TRACKING).raw

    assert check_octets(result) == []
    assert b"plain words" in result


@pytest.mark.parametrize("name", ["a" * 1_200, "a b " * 300, '"' * 600])
def test_no_name_in_an_attached_mail_gets_a_line_that_is_too_long(name: str) -> None:
    inner = f"From: {name} <bob@sender.example>\r\nSubject: \u00e4\r\n\r\nx".encode()
    raw = b"From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\n" + inner

    assert check_octets(rewrite_forward(raw, FORWARD).raw) == []
    assert check_octets(rewrite_reply(raw, REPLY).raw) == []
