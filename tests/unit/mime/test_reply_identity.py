"""What else than the address identifies an owner: domains, programs, computers, ids."""

from base64 import b64encode, encodebytes
from binascii import b2a_uu
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from quopri import encodestring

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from emails.mime.rewrite_reply import rewrite_reply
from emails.mime.tnef import attachments_of
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason
from tests.unit.mime.builders import MASK, OWNER, REPLY, a_mail, read, texts
from tests.unit.mime.readers import readings
from tests.unit.mime.spellings import OWNER as PLAIN_OWNER
from tests.unit.mime.spellings import WRITTEN

DOMAIN = "owner.example"
SECRET = "0100secret@email.amazonses.com"


def reply(*parts: str, kind: str = "mixed", head: str = "X: y") -> bytes:
    body = "".join(f"--b\n{part}\n" for part in parts)
    raw = a_mail(head, f"Content-Type: multipart/{kind}; boundary=b", body=f"{body}--b--\n")
    return rewrite_reply(raw, REPLY).raw


def in_base64(content_type: str, data: bytes, *head: str) -> str:
    lines = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64", *head]
    return "\n".join([*lines, "", encodebytes(data).decode()])


def all_read(raw: bytes) -> Iterator[str]:
    """Yield all that a mail program might show or read of a mail."""
    yield raw.decode("latin-1")
    for part in message_from_bytes(raw, policy=policy.compat32).walk():
        for value in part.values():
            yield str(make_header(decode_header(value)))
        yield str(part.get_filename())
        if not part.is_multipart():
            data = bytes(part.get_payload(decode=True) or b"")
            yield from (data.decode(one, "ignore") for one in ("utf-8", "latin-1", "utf-16-le"))


def assert_hidden(raw: bytes, *needles: str) -> None:
    for text in all_read(raw):
        for reading in readings(text):
            for needle in (OWNER, PLAIN_OWNER, *needles):
                assert needle.lower() not in reading, reading


_TRANSPORT: dict[str, Callable[[bytes], bytes]] = {
    "8bit": bytes,
    "base64": encodebytes,
    "quoted-printable": encodestring,
    "x-uuencode": lambda data: (
        b"begin 644 x\n"
        + b"".join(b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))
        + b"`\nend\n"
    ),
}
_TYPES = (
    *("text/plain; format=flowed", "text/html", "text/calendar", "text/vcard", "text/rtf"),
    *("application/json", "message/delivery-status", "message/rfc822", "text/rfc822-headers"),
)


@given(
    written=st.sampled_from(WRITTEN),
    kind=st.sampled_from(_TYPES),
    transport=st.sampled_from(sorted(_TRANSPORT)),
    disposition=st.sampled_from(["inline", "attachment; filename=a.txt"]),
    is_inside_another=st.booleans(),
    cut=st.integers(0, 40),
)
def test_no_part_shows_the_owners_address_however_it_is_read(
    written: str, kind: str, transport: str, disposition: str, is_inside_another: bool, cut: int
) -> None:
    """The property that all of this is for. A file with NULs is binary, and is left as it is."""
    assume("\0" not in written or not kind.startswith("application"))
    text = f"Subject: to\nFinal-Recipient: {written}\n\n{'x' * cut} From: {written} bye"
    body = _TRANSPORT[transport](text.encode()).decode()
    head = f"Content-Type: {kind}\nContent-Disposition: {disposition}"
    part = f"{head}\nContent-Transfer-Encoding: {transport}\n\n{body}"
    if is_inside_another:
        part = in_base64("message/rfc822", part.encode())
    plan = replace(REPLY, owner_addresses=(OWNER, PLAIN_OWNER))
    raw = a_mail("Content-Type: multipart/mixed; boundary=b", body=f"--b\n\nx\n--b\n{part}\n--b--")

    assert_hidden(rewrite_reply(raw, plan).raw)


IMAGE = "Content-Type: image/png\nContent-ID: <part1.AbC@owner.example>\n\nx"


@pytest.mark.parametrize(
    "link",
    [
        '<img src="cid:part1.AbC@owner.example">',
        "<img src='cid:part1.AbC%40owner.example'>",
        "<img src=cid:part1.AbC&#64;owner.example>",
        '<img src="CID:part1.AbC@owner.example">',
        "<div style='background: url(&quot;cid:part1.AbC@owner.example&quot;)'>",
    ],
)
def test_content_ids_hold_no_domain_and_still_lead_to_their_parts(link: str) -> None:
    raw = reply(f"Content-Type: text/html\n\n<p>{link}", IMAGE, kind="related")

    assert_hidden(raw, DOMAIN)
    _, _, image = read(raw).walk()
    new_id = image["Content-ID"].strip("<>")
    assert new_id.endswith("@masks.example")
    (shown,) = texts(read(raw))
    assert f"cid:{new_id}" in shown
    assert shown.replace(new_id, "").count("cid:") == 1


def test_the_start_of_related_parts_is_renamed_with_its_part() -> None:
    kind = 'related; start="<a@owner.example>"; type="text/html"'
    raw = reply("Content-Type: text/html\nContent-ID: <a@owner.example>\n\nhello", kind=kind)

    assert_hidden(raw, DOMAIN)
    whole, first = read(raw).walk()
    assert whole.get_param("start") == first["Content-ID"]
    assert whole.get_param("type") == "text/html"


def test_outlooks_references_in_plain_text_are_renamed_too() -> None:
    image = IMAGE.replace("part1.AbC@owner.example", "image001.png@01DB.12")
    raw = reply("Content-Type: text/plain\n\nsee [cid:image001.png@01DB.12]", image)

    *_, part = read(raw).walk()
    assert texts(read(raw)) == [f"see [cid:{part['Content-ID'].strip('<>')}]"]


def test_two_mails_have_no_content_id_in_common() -> None:
    first, second = (reply(IMAGE, head=f"Message-ID: <{number}@x>") for number in range(2))

    assert {part["Content-ID"] for part in read(first).walk() if part["Content-ID"]}.isdisjoint(
        part["Content-ID"] for part in read(second).walk()
    )


def test_a_link_to_a_part_elsewhere_stays_unless_it_names_the_owners_domain() -> None:
    text = "<img src='cid:a@sender.example'><img src='cid:b@owner.example'>"
    raw = reply(f"Content-Type: text/html\n\n{text}")

    assert_hidden(raw, DOMAIN)
    assert "cid:a@sender.example" in texts(read(raw))[0]


def test_a_boundary_that_names_the_owners_domain_is_replaced() -> None:
    body = f"--1@{DOMAIN}\n\nhello\n--1@{DOMAIN}--\n"
    raw = rewrite_reply(
        a_mail(f'Content-Type: multipart/mixed; boundary="1@{DOMAIN}"', body=body), REPLY
    ).raw

    assert_hidden(raw, DOMAIN)
    assert texts(read(raw)) == ["hello"]


@pytest.mark.parametrize(
    "field",
    [
        "Content-Location: https://webmail.owner.example/u/ann",
        "Content-Base: https://webmail.owner.example/",
        "Content-Owner: Ann at owner.example",
        "X-Mailer: owner.example",
        "Message-ID: <1@owner.example>",
        "Received: from pc.owner.example",
    ],
)
def test_only_the_fields_that_a_part_needs_are_left(field: str) -> None:
    assert_hidden(reply(f"Content-Type: text/html\n{field}\n\nhello"), DOMAIN)
    mail = f"Content-Type: message/rfc822\n{field}\n\n{field}\nSubject: x\n\nhello"
    assert_hidden(reply(mail), DOMAIN)


REPORTS = {
    "message/delivery-status": f"""Reporting-MTA: dns; mx.{DOMAIN}
Received-From-MTA: dns; mx2.{DOMAIN}

Final-Recipient: rfc822; {OWNER}
Action: failed
Remote-MTA: dns;
 mx3.{DOMAIN}""",
    "message/disposition-notification": f"""Reporting-UA: pc.{DOMAIN}; Thunderbird
Final-Recipient: rfc822; {OWNER}
Original-Message-ID: <{SECRET}>
Disposition: manual-action; displayed""",
    "text/rfc822-headers": f"""Received: from pc.{DOMAIN}
Message-ID: <{SECRET}>
To: {OWNER}
Subject: hello""",
}


@pytest.mark.parametrize("kind", REPORTS)
def test_reports_and_headers_tell_nothing_of_computers_and_ids(kind: str) -> None:
    raw = reply(f"Content-Type: {kind}\n\n{REPORTS[kind]}")

    assert_hidden(raw, DOMAIN, SECRET)
    assert MASK in texts(read(raw))[0]


SIGNATURES = {
    "a type of its own": "application/pgp-signature",
    "no type": "application/octet-stream; name=smime.p7s",
    "an unknown type": "application/x-unheard-of",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signature_of_a_signed_mail_is_removed_whatever_its_type(name: str) -> None:
    raw = reply("\nhello", in_base64(SIGNATURES[name], b"\0" + OWNER.encode()), kind="signed")

    assert_hidden(raw)
    assert [part.get_content_type() for part in read(raw).walk()][1:] == ["text/plain"]


@pytest.mark.parametrize("name", ["smime.p7s", "signature.asc", "OpenPGP_signature.asc"])
def test_a_signature_is_known_by_its_name_too(name: str) -> None:
    file = in_base64(f"application/octet-stream; name={name}", b"\0" + OWNER.encode())

    assert_hidden(reply("\nhello", file))


def test_a_signature_within_the_text_is_removed() -> None:
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nyes\n"
        "-----BEGIN PGP SIGNATURE-----\nComment: Ann\n\niQEz-x\n-----END PGP SIGNATURE-----\nbye"
    )

    assert texts(read(rewrite_reply(a_mail(body=text), REPLY).raw)) == ["yes\r\nbye"]


ENCRYPTED = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n"
OPAQUE = in_base64("application/octet-stream; name=smime.p7m", b"x")
UNSEARCHABLE = {
    "encrypted text": a_mail(body=ENCRYPTED),
    "encrypted mail of an unknown type": a_mail(
        "Content-Type: multipart/mixed; boundary=b", body=f"--b\n{OPAQUE}\n--b--"
    ),
    "only Outlook's own format": a_mail("Content-Type: application/ms-tnef", body="x"),
    "more parts than we read": a_mail(
        "Content-Type: multipart/mixed; boundary=b", body="--b\n\nx\n" * 20_005 + "--b--"
    ),
}


@pytest.mark.parametrize("name", UNSEARCHABLE)
def test_what_can_not_be_searched_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        rewrite_reply(UNSEARCHABLE[name], REPLY)
    assert refused.value.reason is RefuseReason.SEALED_REPLY


def test_encoded_mails_nested_deeper_than_we_decode_are_refused() -> None:
    part = f"To: {OWNER}\n\nhello"
    for _ in range(21):
        part = in_base64("message/rfc822", part.encode())

    with pytest.raises(Refused):
        reply(part)


def test_a_quoted_encrypted_text_may_be_answered() -> None:
    quoted = "".join(f"> {line}\n" for line in ENCRYPTED.splitlines())

    assert "BEGIN PGP MESSAGE" in texts(read(rewrite_reply(a_mail(body=quoted), REPLY).raw))[0]


def _attribute(level: int, number: int, data: bytes) -> bytes:
    size = len(data).to_bytes(4, "little")
    checksum = (sum(data) & 0xFFFF).to_bytes(2, "little")
    return bytes([level]) + number.to_bytes(4, "little") + size + data + checksum


VERSION = _attribute(1, 0x00089006, b"\0\0\1\0")
FILE = _attribute(2, 0x0006800F, b"the file")
WINMAIL = (
    b"\x78\x9f\x3e\x22\x01\0"
    + VERSION
    + _attribute(1, 0x00069003, b"SMTP:" + OWNER.upper().encode() + OWNER.encode("utf-16-le"))
    + FILE
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (WINMAIL, b"\x78\x9f\x3e\x22\x01\0" + VERSION + FILE),
        (WINMAIL.removesuffix(FILE), None),
        (WINMAIL[:-1], None),
        (b"\x78\x9f\x3e\x22\x01\0" + OWNER.encode(), None),
        (b"", None),
        (OWNER.encode(), None),
    ],
)
def test_of_outlooks_own_format_only_the_attachments_are_left(
    data: bytes, expected: bytes | None
) -> None:
    part = in_base64("application/ms-tnef; name=winmail.dat", data)
    raw = reply("Content-Type: text/plain\n\nhello", part)

    assert attachments_of(data) == expected
    assert_hidden(raw)
    *_, last = read(raw).walk()
    assert bytes(last.get_payload(decode=True) or b"") == (expected or b"")


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
