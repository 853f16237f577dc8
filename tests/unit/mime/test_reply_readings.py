"""Replies that programs read in different ways: the owner is in none of them."""

from base64 import b64encode, encodebytes
from binascii import b2a_uu

import pytest

from emails.mime.rewrite_reply import rewrite_reply
from tests.unit.mime.builders import MASK, OWNER, REPLY, a_mail, read, texts
from tests.unit.mime.replies import DOMAIN, assert_hidden, reply

GLUED = f"{b64encode(b'hello, ').decode()}\n{b64encode(f'from {OWNER}'.encode()).decode()}"
UUENCODED = f"begin 644 x\n{b2a_uu(f'from {OWNER}'.encode()).decode()}`\nend"


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("base64", GLUED, f"hello, from {MASK}"),
        ("base64", GLUED.replace("ello", "i"), None),
        ("x-uuencode", UUENCODED, f"from {MASK}"),
        ("uue", f"hello\n{UUENCODED}", f"hello\r\nfrom {MASK}"),
    ],
)
def test_a_text_is_read_as_by_the_most_lenient_program(
    encoding: str, body: str, expected: str | None
) -> None:
    raw = rewrite_reply(a_mail(f"Content-Transfer-Encoding: {encoding}", body=body), REPLY).raw

    assert_hidden(raw)
    assert expected is None or texts(read(raw)) == [expected]


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "us-ascii"])
def test_a_text_in_utf_16_is_searched_whatever_charset_it_declares(charset: str) -> None:
    body = encodebytes(f"from {OWNER}".encode("utf-16") + b"\0").decode()
    head = f"Content-Type: text/html; charset={charset}"
    raw = rewrite_reply(a_mail(head, "Content-Transfer-Encoding: base64", body=body), REPLY).raw

    assert_hidden(raw)


TORN = f"""X-Filter: passed
>From {OWNER} Mon Nov  2 10:00:00 2026
Received: from [192.168.1.5] by mail.{DOMAIN}
 with ESMTPSA
Message-ID: <1@{DOMAIN}>
Subject: Re: torn
Content-Type: text/plain

Yes."""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_damaged_line_makes_no_text_of_the_header_below_it(line_end: str) -> None:
    raw = rewrite_reply(TORN.replace("\n", line_end).encode(), REPLY).raw

    assert_hidden(raw, DOMAIN, "192.168")
    assert read(raw)["Subject"] == "Re: torn"
    assert texts(read(raw)) == ["Yes."]


def test_nor_in_an_attached_mail() -> None:
    raw = reply(f"Content-Type: message/rfc822\n\n{TORN}")

    assert_hidden(raw, DOMAIN, "192.168")
    assert texts(read(raw)) == ["Yes."]


def test_a_text_without_an_empty_line_before_it_stays() -> None:
    raw = rewrite_reply(
        b"Subject: hello\r\nDear Bob,\r\nNote: To: is a field.\r\n\r\nbye", REPLY
    ).raw

    assert "Dear Bob,\r\nNote: To: is a field." in texts(read(raw))[0]


@pytest.mark.parametrize(
    "text",
    [
        '<blockquote type="cite" cite="mid:0100secret@email.amazonses.com">hi</blockquote>',
        "<blockquote cite='mid:0100secret%40email.amazonses.com'>hi</blockquote>",
        "Message-ID: &lt;0100019a-0100secret-000000@eu-west-1.amazonses.com&gt; hi",
        "Message-ID: <0100019a-0100secret-000000@email.amazonses.com> hi",
    ],
)
def test_the_id_of_a_forwarded_mail_is_not_quoted(text: str) -> None:
    """By it we find the thread of a reply."""
    raw = reply(f"Content-Type: text/html\n\n{text}")

    assert_hidden(raw, "0100secret")
    assert "hi" in texts(read(raw))[0]
