"""Which parts are removed from a reply, so that nothing reveals the owner."""

from base64 import b64encode

import pytest

from emails.mime.rewrite_reply import rewrite_reply
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason
from tests.unit.mime.builders import MASK, OWNER, REPLY, a_mail, read, texts

LEAK = b"owner.example"


def reply(content_type: str, body: str) -> bytes:
    head = f"Content-Type: {content_type}".splitlines()
    return rewrite_reply(a_mail(*head, body=body), REPLY).raw


def test_text_before_and_after_the_parts_is_removed() -> None:
    """No mail program shows it, and some mail programs put the author's name there."""
    body = f"written by {OWNER}\n--b\n\nhello\n--b--\nsent by {OWNER}\n"

    raw = reply('multipart/mixed; boundary="b"', body)

    assert LEAK not in raw
    assert b"written by" not in raw
    assert b"sent by" not in raw
    assert texts(read(raw)) == ["hello"]


@pytest.mark.parametrize(
    "kind", ["pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-keys"]
)
def test_a_signature_and_a_key_are_left_out_since_they_name_their_owner(kind: str) -> None:
    body = f"--b\n\nhello\n--b\nContent-Type: application/{kind}\n\nof Ann\n--b--\n"

    raw = reply('multipart/signed; micalg=pgp-sha256; boundary="b"', body)

    mail = read(raw)
    assert mail.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/mixed", "text/plain"]
    assert b"of Ann" not in raw
    assert texts(mail) == ["hello"]


SIGNATURE = "Content-Type: application/pgp-signature; name=s.asc\n\nof Ann\n"


@pytest.mark.parametrize("count", [1, 2])
def test_signatures_are_removed_also_where_there_is_nothing_else(count: int) -> None:
    """A multipart needs a part (RFC 2046, 5.1.1), so an empty one stays."""
    inner = f"--c\n{SIGNATURE}" * count
    multipart = f"Content-Type: multipart/mixed; boundary=c\n\n{inner}--c--\n"

    raw = reply("multipart/mixed; boundary=b", f"--b\n\nhello\n--b\n{multipart}--b--\n")

    assert b"of Ann" not in raw
    assert texts(read(raw)) == ["hello", ""]


def test_a_reply_that_is_only_a_signature_is_sent_empty() -> None:
    assert texts(read(reply("application/pgp-signature", "of Ann"))) == [""]


def test_a_boundary_that_holds_the_owners_address_is_replaced() -> None:
    body = f"--{OWNER}\n\nhello\n--{OWNER}\n\nbye\n--{OWNER}--\n"

    raw = reply(f'multipart/mixed; boundary="{OWNER}"', body)

    assert LEAK not in raw
    assert texts(read(raw)) == ["hello", "bye"]


@pytest.mark.parametrize("boundary", ["città", "Å"])
def test_parts_between_utf_8_boundaries_are_searched(boundary: str) -> None:
    """As Latin-1, these end in what is whitespace to Python: 0xA0, 0x85."""
    part = f"Content-Transfer-Encoding: base64\n\n{b64encode(OWNER.encode()).decode()}"
    body = f"--{boundary}\n{part}\n--{boundary}--\n"

    raw = reply(f'multipart/mixed; boundary="{boundary}"', body)

    assert texts(read(raw)) == [MASK]


def test_the_type_of_a_text_that_was_rewritten_holds_no_address() -> None:
    """The text's charset is written into the type that it came with."""
    raw = reply(f'text/plain; x-from="{OWNER}"', f"dear {OWNER}")

    assert LEAK not in raw


AS_TEXT = [
    "text/plain; name=x",
    'text/plain; name="x"',
    "text/html; name*=utf-8''x",
    "text/plain\nContent-Disposition: inline; filename=x.txt",
]
AS_FILE = "text/plain; name=x\nContent-Disposition: attachment; filename=x.txt"


@pytest.mark.parametrize("content_type", [*AS_TEXT, AS_FILE])
def test_a_reply_that_is_one_text_is_searched_even_if_it_has_a_file_name_or_disposition(
    content_type: str,
) -> None:
    raw = reply(content_type, f"write to {OWNER}")

    assert LEAK not in raw
    assert texts(read(raw)) == [f"write to {MASK}"]


@pytest.mark.parametrize("content_type", [*AS_TEXT, AS_FILE])
def test_so_is_the_text_of_an_attached_mail(content_type: str) -> None:
    attached = f"Subject: hello\nContent-Type: {content_type}\n\nwrite to {OWNER}"
    body = f"--b\n\nhello\n--b\nContent-Type: message/rfc822\n\n{attached}\n--b--\n"

    assert LEAK not in reply("multipart/mixed; boundary=b", body)


@pytest.mark.parametrize("content_type", AS_TEXT)
def test_a_named_part_that_may_be_shown_as_text_is_searched(content_type: str) -> None:
    body = f"--b\n\nhello\n--b\nContent-Type: {content_type}\n\nwrite to {OWNER}\n--b--\n"

    assert LEAK not in reply("multipart/mixed; boundary=b", body)


TEXT_FILES = [
    AS_FILE,
    *("application/rtf", "application/json", "application/calendar+xml", "image/svg+xml"),
    *("application/octet-stream; name=a.ics", "application/octet-stream; name=mail.eml"),
    *("application/vcard+json", "application/x-unheard-of", "application/pgp; name=key"),
]


@pytest.mark.parametrize("content_type", TEXT_FILES)
@pytest.mark.parametrize("encoding", ["7bit", "base64"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "latin-1"])
def test_an_attached_text_is_searched_and_its_other_octets_stay(
    content_type: str, encoding: str, charset: str
) -> None:
    """Some mail programs show it below the mail."""
    written = f"a\n  b \u00fc write to {OWNER}\n\n".encode(charset)
    encoded = b64encode(written).decode() if encoding == "base64" else "<>"
    head = f"Content-Type: {content_type}\nContent-Transfer-Encoding: {encoding}"
    raw = a_mail(
        "Content-Type: multipart/mixed; boundary=b",
        body=f"--b\n\nx\n--b\n{head}\n\n{encoded}\n--b--",
    ).replace(b"<>", written)

    *_, part = read(rewrite_reply(raw, REPLY).raw).walk()

    expected = f"a\n  b \u00fc write to {MASK}\n\n".encode(charset)
    assert bytes(part.get_payload(decode=True) or b"") == expected


@pytest.mark.parametrize("content_type", ["application/pdf", "image/png", "audio/mpeg"])
def test_another_file_stays_as_it_is(content_type: str) -> None:
    encoded = b64encode(OWNER.encode()).decode()
    head = f"Content-Type: {content_type}\nContent-Transfer-Encoding: base64"
    body = f"--b\n\nhello\n--b\n{head}\n\n{encoded}\n--b--\n"

    assert encoded.encode() in reply("multipart/mixed; boundary=b", body)


def test_a_binary_file_stays_as_it_is() -> None:
    encoded = b64encode(b"\0\1\2" + OWNER.encode()).decode()
    head = "Content-Type: application/zip\nContent-Transfer-Encoding: base64"
    body = f"--b\n\nhello\n--b\n{head}\n\n{encoded}\n--b--\n"

    assert encoded.encode() in reply("multipart/mixed; boundary=b", body)


PGP = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"'
SMIME = "application/pkcs7-mime; smime-type=enveloped-data"
NAMED = f"{SMIME}; name=smime.p7m"
# As mail programs write it (RFC 8551, 3.2.1).
USUAL = f"{NAMED}\nContent-Disposition: attachment; filename=smime.p7m"


@pytest.mark.parametrize("content_type", [PGP, SMIME, NAMED, USUAL])
def test_an_encrypted_reply_is_refused_since_it_can_not_be_searched(content_type: str) -> None:
    with pytest.raises(Refused) as refused:
        reply(content_type, "--b\n\nVersion: 1\n--b\n\nsecret\n--b--\n")
    assert refused.value.reason is RefuseReason.SEALED_REPLY


BY_TYPE = f"{SMIME}; name*=us-ascii''S%4DIME.p7m\nContent-Disposition: attachment"
BY_FILE = f"{SMIME}\nContent-Disposition: attachment; filename=smime.p7m"


@pytest.mark.parametrize("content_type", [SMIME, NAMED, USUAL, BY_TYPE, BY_FILE])
def test_so_is_a_reply_to_whose_encrypted_text_a_server_added_a_part(content_type: str) -> None:
    body = f"--b\nContent-Type: {content_type}\n\nsecret\n--b\n\nscanned\n--b--\n"

    with pytest.raises(Refused) as refused:
        reply("multipart/mixed; boundary=b", body)
    assert refused.value.reason is RefuseReason.SEALED_REPLY


def test_an_attached_file_may_be_encrypted() -> None:
    file = f"{SMIME}; name=contract.p7m\nContent-Disposition: attachment; filename=contract.p7m"
    body = f"--b\n\nhello\n--b\nContent-Type: {file}\n\nsecret\n--b--\n"

    assert b"secret" in reply("multipart/mixed; boundary=b", body)
