"""The predecessor's reply records: only the id that a reply quotes opens them."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emails.relay_import.reply_record import Unreadable, derive, read, write
from emails.values.threads import Thread

ID = "0100019291f7e695-1-000000"
NONCE = bytes(12)

# Computed with an implementation of RFC 5869 other than the one we use (hmac alone).
LOOKUP = "7UoieJ6REjARiQkwSaaEsQ=="


def record(**fields: str) -> str:
    return write({name.replace("_", "-"): text for name, text in fields.items()}, ID, NONCE)[1]


@pytest.mark.parametrize("quoted", [ID, f"<{ID}@eu-west-1.amazonses.com>", f" <{ID}@x> "])
def test_the_id_alone_leads_to_the_record(quoted: str) -> None:
    assert derive(quoted).lookup == LOOKUP
    assert read(record(**{"from": "bob@sender.example"}), derive(quoted)).correspondent


@pytest.mark.parametrize(
    ("fields", "thread"),
    [
        ({"from": "Bob <bob@sender.example>"}, ("bob@sender.example", None)),
        (
            {"from": "bob@sender.example", "reply-to": "Desk <desk@sender.example>"},
            ("desk@sender.example", None),
        ),
        (
            {"from": "bob@sender.example", "reply-to": "nonsense", "message-id": "<m1@s.example>"},
            ("bob@sender.example", "m1@s.example"),
        ),
    ],
)
def test_who_is_answered(fields: dict[str, str], thread: tuple[str, str | None]) -> None:
    _, text = write(fields, ID, NONCE)

    assert read(text, derive(ID)) == Thread(thread[0], thread[1], ())


def changed(text: str, part: int, by: str) -> str:
    parts = text.split(".")
    parts[part] = by
    return ".".join(parts)


GOOD = record(**{"from": "bob@sender.example"})
OTHER_HEADER = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "....",
        GOOD[:-4],
        changed(GOOD, 0, OTHER_HEADER),
        changed(GOOD, 0, "!!"),
        changed(GOOD, 2, "AAAA"),
        changed(GOOD, 3, "é"),
        record(subject="none"),
        record(**{"from": "nobody"}),
    ],
)
def test_a_damaged_record_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text, derive(ID))


def test_another_id_opens_nothing() -> None:
    with pytest.raises(Unreadable):
        read(GOOD, derive("0100-2"))


def test_the_header_is_authenticated() -> None:
    """The same header written otherwise is another record."""
    header = base64.urlsafe_b64encode(b'{"enc":"A256GCM","alg":"dir"}').rstrip(b"=").decode()

    with pytest.raises(Unreadable):
        read(changed(GOOD, 0, header), derive(ID))


def test_an_answer_that_is_no_object_is_unreadable() -> None:
    keys = derive(ID)
    header = GOOD.split(".")[0]
    sealed = AESGCM(keys.encryption).encrypt(NONCE, json.dumps([1]).encode(), header.encode())
    parts = (header.encode(), b"", *(_b64(one) for one in (NONCE, sealed[:-16], sealed[-16:])))

    with pytest.raises(Unreadable):
        read(b".".join(parts).decode(), keys)


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
