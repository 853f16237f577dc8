"""The local SES doesn't read a large mail to its end if nobody looks at it."""

import asyncio
import base64
import json
from collections.abc import Mapping
from unittest.mock import patch

import pytest

from tools.aws import ses
from tools.aws.web import Request
from tools.local import ses_limits

HEADER = b"From: a@masks.example\r\nSubject: large"
MAIL = HEADER + b"\r\n\r\n" + b"x" * 76 * 50_000


def sent(raw: bytes, *, keeps_bodies: bool, separators: tuple[str, str]) -> ses.Accepted:
    """Send a mail; returns it as SES keeps it."""
    service = ses.Ses(keeps_bodies=keeps_bodies)
    asyncio.run(service.answer(request("identities", {"EmailIdentity": "masks.example"})))
    given = {
        "FromEmailAddress": "a@masks.example",
        "Content": {"Raw": {"Data": base64.b64encode(raw).decode()}},
        "Destination": {"ToAddresses": ["owner@owner.example"]},
    }
    asyncio.run(service.answer(request("outbound-emails", given, separators)))
    return service.accepted[0]


def request(
    path: str, given: Mapping[str, object], separators: tuple[str, str] = (",", ":")
) -> Request:
    body = json.dumps(given, separators=separators).encode()
    return Request("POST", ses.PATH + path, "", {}, body, lambda: False)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_without_bodies_only_the_start_of_a_large_mail_is_read(separators: tuple[str, str]) -> None:
    with patch.object(ses_limits, "refusal_of", return_value=None) as judged:
        mail = sent(MAIL, keeps_bodies=False, separators=separators)

    assert (mail.raw, mail.recipients) == (HEADER, ("owner@owner.example",))
    assert len(judged.call_args.args[0]) < 1_000_000


def test_with_bodies_all_of_it_is_read() -> None:
    assert sent(MAIL, keeps_bodies=True, separators=(",", ":")).raw == MAIL
