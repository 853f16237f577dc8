"""What else than the address identifies an owner: domains, programs, computers, ids."""

from base64 import encodebytes
from binascii import b2a_uu
from collections.abc import Callable
from dataclasses import replace
from quopri import encodestring

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from emails.mime.rewrite_reply import rewrite_reply
from tests.unit.mime.builders import MASK, OWNER, REPLY, a_mail, read, texts
from tests.unit.mime.replies import DOMAIN, SECRET, assert_hidden, in_base64, reply
from tests.unit.mime.spellings import OWNER as PLAIN_OWNER
from tests.unit.mime.spellings import WRITTEN

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
@example(
    written="ann\0@\0owner.example",
    kind="message/delivery-status",
    transport="8bit",
    disposition="attachment; filename=a.txt",
    is_inside_another=False,
    cut=0,
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


@pytest.mark.parametrize("name", ["Societ\u00e0", "\u00c5@x.example", "\u00e0 b@x.example"])
def test_a_content_id_that_is_not_ascii_still_leads_to_its_part(name: str) -> None:
    link = name.replace(" ", "%20")
    page = f'Content-Type: text/html; charset=utf-8\n\n<img src="cid:{link}">'

    mail = read(reply(page, f"Content-Type: image/png\nContent-ID: <{name}>\n\nx"))

    html, image = mail.iter_parts()
    assert f"cid:{image['Content-ID'][1:-1]}" in html.get_content()


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
