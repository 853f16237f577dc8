"""SES gets the mail byte for byte, and sending a large mail needs little memory."""

import json
import tracemalloc
from base64 import b64decode
from hashlib import sha256

import pytest

from emails.edges.send_request import PIECE_BYTES as PIECE
from emails.edges.send_request import SendRequest


def request_for(raw: bytes) -> SendRequest:
    return SendRequest(
        raw,
        # Hostile: it looks like the place of the mail, and the end of the JSON.
        sender='"Data": ""}}}@masks.example',
        recipients=["ann@owner.example"],
        tags=[("kind", "forward")],
        configuration_set="set",
    )


@pytest.mark.parametrize(
    "size", [0, 1, 2, 3, 1000, PIECE - 1, PIECE, PIECE + 1, PIECE + 2, 3 * PIECE, 3 * PIECE + 1]
)
def test_a_mail_of_any_size_goes_out_byte_for_byte(size: int) -> None:
    raw = (bytes(number * 7 % 256 for number in range(256)) * (size // 256 + 1))[:size]
    request = request_for(raw)

    sent = b"".join(request.send())

    assert len(request) == len(sent)
    assert request.sha256() == sha256(sent).hexdigest()
    body = json.loads(sent)
    assert b64decode(body["Content"]["Raw"].pop("Data"), validate=True) == raw
    assert body == {
        "FromEmailAddress": '"Data": ""}}}@masks.example',
        "Destination": {"ToAddresses": ["ann@owner.example"]},
        "EmailTags": [{"Name": "kind", "Value": "forward"}],
        "ConfigurationSetName": "set",
        "Content": {"Raw": {}},
    }


@pytest.mark.parametrize("size", [0, 15_000, PIECE + 1, 3 * PIECE])
def test_all_may_have_left_only_when_the_last_piece_is_asked_for(size: int) -> None:
    request = request_for(b"x" * size)

    seen = [request.may_have_left, *(request.may_have_left for _ in request.send())]

    assert seen == [False] * (len(seen) - 1) + [True]


def test_an_ordinary_mail_goes_out_in_one_piece() -> None:
    assert len(list(request_for(b"x" * 15_000).send())) == 1


def test_sending_a_large_mail_takes_hardly_more_memory() -> None:
    request = request_for(b"x" * 8_000_000)
    tracemalloc.start()
    try:
        request.sha256()
        for _ in request.send():
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000
