"""What is left out of a reply, part by part: nothing of it may lead to the owner."""

import pytest

from emails.mime.rewrite_reply import rewrite_reply
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason
from tests.unit.mime.builders import OWNER, REPLY, a_mail, read, texts

LEAK = b"owner.example"


def reply(content_type: str, body: str) -> bytes:
    return rewrite_reply(a_mail(f"Content-Type: {content_type}", body=body), REPLY).raw


def test_what_stands_before_and_after_the_parts_is_left_out() -> None:
    """No mail program shows it, and some write there who composed the mail."""
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


def test_a_boundary_that_holds_the_owners_address_is_replaced() -> None:
    body = f"--{OWNER}\n\nhello\n--{OWNER}\n\nbye\n--{OWNER}--\n"

    raw = reply(f'multipart/mixed; boundary="{OWNER}"', body)

    assert LEAK not in raw
    assert texts(read(raw)) == ["hello", "bye"]


def test_the_type_of_a_text_that_was_rewritten_holds_no_address() -> None:
    """The text's charset is written into the type that it came with."""
    raw = reply(f'text/plain; x-from="{OWNER}"', f"dear {OWNER}")

    assert LEAK not in raw


PGP = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"'
SMIME = "application/pkcs7-mime; smime-type=enveloped-data"


@pytest.mark.parametrize("content_type", [PGP, SMIME])
def test_an_encrypted_reply_is_refused_since_it_can_not_be_searched(content_type: str) -> None:
    with pytest.raises(Refused) as refused:
        reply(content_type, "--b\n\nVersion: 1\n--b\n\nsecret\n--b--\n")
    assert refused.value.reason is RefuseReason.SEALED_REPLY
