"""The addresses a mail is written with come from a database: unusable ones are refused."""

from dataclasses import replace
from typing import Any

import pytest

from emails.mime.rewrite_forward import rewrite_forward
from emails.mime.rewrite_reply import rewrite_reply
from emails.values.errors import Refused
from emails.values.outcomes import RefuseReason
from tests.unit.mime.builders import FORWARD, OWNER, REPLY, WRITER, a_mail, read

UNUSABLE = [
    "",
    "ann",
    "@owner.example",
    "ann@",
    "ann@owner.example\r\nBcc: eve@evil.example",
    "ann@owner.example, eve@evil.example",
    "ann smith@owner.example",
    "änn@owner.example",
    "ann\x00@owner.example",
    "ann@owner..exämple",
    "a" * 310 + "@owner.example",
]


@pytest.mark.parametrize("field", ["mask", "recipient", "reply_to"])
@pytest.mark.parametrize("address", UNUSABLE)
def test_no_mail_is_forwarded_with_an_unusable_address(field: str, address: str) -> None:
    address_in: dict[str, Any] = {field: address}
    plan = replace(FORWARD, **address_in)

    with pytest.raises(Refused) as refused:
        rewrite_forward(a_mail(), plan)
    assert refused.value.reason is RefuseReason.UNUSABLE_ADDRESS


@pytest.mark.parametrize("field", ["mask", "correspondent"])
@pytest.mark.parametrize("address", UNUSABLE)
def test_no_reply_is_sent_with_an_unusable_address(field: str, address: str) -> None:
    address_in: dict[str, Any] = {field: address}
    plan = replace(REPLY, **address_in)

    with pytest.raises(Refused) as refused:
        rewrite_reply(a_mail(), plan)
    assert refused.value.reason is RefuseReason.UNUSABLE_ADDRESS


def test_an_international_domain_is_written_in_ascii() -> None:
    to_owner = replace(FORWARD, recipient=OWNER.replace("owner", "bücher"))
    to_writer = replace(REPLY, correspondent=WRITER.replace("sender", "bücher"))

    assert read(rewrite_forward(a_mail(), to_owner).raw)["To"].endswith("@xn--bcher-kva.example")
    assert read(rewrite_reply(a_mail(), to_writer).raw)["To"] == "bob@xn--bcher-kva.example"
