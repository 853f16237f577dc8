"""What SES tells is read whole or refused; nothing in between, and never another exception."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.values.errors import Refused
from emails.values.facts import Verdict
from emails.values.notifications import Bounce, Complaint, InlineMail, Received, StoredMail, parse
from tests.unit.emails.builders import bounce, complaint, received

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(document: object) -> Any:
    return parse(json.dumps(document))


def test_a_mail_in_s3_has_a_bucket_and_a_key() -> None:
    notification = read(received("x7k2@masks.example", key="mails/abc"))

    assert isinstance(notification, Received)
    assert notification.content == StoredMail("mails", "mails/abc")
    assert notification.recipients == ("x7k2@masks.example",)
    assert notification.mail.source == "bob@sender.example"
    assert notification.mail.values("from") == ("Bob <bob@sender.example>",)
    assert not notification.headers_truncated


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2030-05-17T11:58:30.000Z", datetime(2030, 5, 17, 11, 58, 30, tzinfo=UTC)),
        ("2030-05-17T13:58:30+02:00", datetime(2030, 5, 17, 11, 58, 30, tzinfo=UTC)),
        ("2030-05-17T11:58:30", datetime(2030, 5, 17, 11, 58, 30, tzinfo=UTC)),
        *((other, None) for other in ("today", "", 5, None, "9999-12-31T23:59:59-23:59")),
    ],
)
def test_when_ses_received_a_mail_is_read_if_it_can_be(
    timestamp: object, expected: datetime | None
) -> None:
    notification = received("x7k2@masks.example")
    notification["mail"]["timestamp"] = timestamp

    assert read(notification).received_at == expected


def test_a_domain_may_ask_for_quarantine() -> None:
    notification = received("x7k2@masks.example", dmarc="FAIL")
    notification["receipt"]["dmarcPolicy"] = "quarantine"

    verdicts = read(notification).mail.verdicts

    assert (verdicts.dmarc_quarantines, verdicts.dmarc_rejects) == (True, False)


@pytest.mark.parametrize("key", ["a", "mails/2030/a+b=c d", "é" * 512, "..a/b..", "x" * 1024])
def test_a_key_is_taken_as_it_is(key: str) -> None:
    assert read(received("x@masks.example", key=key)).content == StoredMail("mails", key)


@pytest.mark.parametrize(
    "key",
    [
        *("", "a\0", "a\nb", "\x1b", "\x7f", "\ud800", "\ufffe"),
        *("..", "../other/a", "mails/../a", "mails/./a", "x" * 1025, "é" * 513),
    ],
)
def test_an_invalid_key_is_refused(key: str) -> None:
    with pytest.raises(Refused) as refused:
        read(received("x@masks.example", key=key))

    assert refused.value.reason == "malformed_notification"


def test_inline_content_keeps_every_byte_when_ses_says_base64() -> None:
    """Lesson 9."""
    raw = bytes(range(256))
    notification = received("x7k2@masks.example", content=base64.b64encode(raw).decode())
    notification["receipt"]["action"]["encoding"] = "BASE64"

    assert read(notification).content == InlineMail(raw)


def test_inline_content_is_text_when_ses_says_utf8() -> None:
    assert read(received("x@masks.example", content="Grüße")).content == InlineMail(
        "Grüße".encode()
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"headersTruncated": True}, True),
        ({"headersTruncated": False}, False),
        ({"headers": None}, False),
    ],
)
def test_truncated_headers_are_noticed(change: dict[str, object], expected: bool) -> None:
    notification = received("x@masks.example")
    notification["mail"] |= change

    assert read(notification).headers_truncated is expected


def test_a_blank_before_the_colon_is_no_part_of_a_headers_name() -> None:
    notification = received(
        "x@masks.example", headers=[("From ", "eve@evil.example"), ("From", "a@b")]
    )

    assert read(notification).mail.values("from") == ("eve@evil.example", "a@b")


def test_headers_that_are_left_out_altogether_count_as_truncated() -> None:
    notification = received("x@masks.example")
    del notification["mail"]["headers"]

    assert read(notification).headers_truncated


def test_common_headers_are_not_needed_and_an_empty_from_list_harms_nothing() -> None:
    notification = received("x@masks.example")
    notification["mail"]["commonHeaders"] = {"from": []}

    assert read(notification) == read(received("x@masks.example"))


def test_a_check_that_ses_could_not_do_has_its_own_verdict() -> None:
    notification = received("x@masks.example", dmarc="PROCESSING_FAILED")

    assert read(notification).mail.verdicts.dmarc is Verdict.PROCESSING_FAILED


def test_an_unknown_or_missing_verdict_is_unknown() -> None:
    notification = received("x@masks.example", spam="MAYBE")
    del notification["receipt"]["virusVerdict"]

    assert read(notification).mail.verdicts.spam is Verdict.UNKNOWN
    assert read(notification).mail.verdicts.virus is Verdict.UNKNOWN


def test_the_dmarc_policy_is_read() -> None:
    notification = received("x@masks.example", dmarc="FAIL")
    notification["receipt"]["dmarcPolicy"] = "REJECT"

    assert read(notification).mail.verdicts.dmarc_rejects


@pytest.mark.parametrize("shape", ["notificationType", "eventType"])
def test_bounces_are_read_in_both_shapes(shape: str) -> None:
    notification = read(
        bounce("a@owner.example", shape=shape, diagnostic="gone", tags={"mask": "r-1"})
    )

    assert isinstance(notification, Bounce)
    assert (notification.kind, notification.recipients[0].diagnostic) == ("Permanent", "gone")
    assert notification.mail.tag("mask") == "r-1"


@pytest.mark.parametrize("shape", ["notificationType", "eventType"])
def test_complaints_are_read_in_both_shapes(shape: str) -> None:
    notification = read(complaint("a@owner.example", shape=shape))

    assert isinstance(notification, Complaint)
    assert (notification.feedback, notification.subkind, notification.recipients) == (
        "abuse",
        "",
        ("a@owner.example",),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "null",
        '"Received"',
        "{}",
        '{"notificationType": "Delivery"}',
        '{"notificationType": ["Received"]}',
        '{"notificationType": "Received"}',
        '{"notificationType": "Received", "mail": {}, "receipt": []}',
        '{"notificationType": "Bounce", "bounce": {"bounceType": "Permanent"}}',
        '{"notificationType": "Complaint", "complaint": {"complainedRecipients": [1]}}',
        "[" * 100_000,
        "Successfully validated SNS topic for Amazon SES event publishing.",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(text)

    assert refused.value.reason == "malformed_notification"


def test_a_refusal_does_not_quote_the_notification() -> None:
    with pytest.raises(Refused) as refused:
        parse('{"notificationType": "ann@owner.example"')

    assert refused.value.__suppress_context__
    assert "ann" not in str(refused.value)


@pytest.mark.parametrize("content", ["not base64!", "YWJj=ZGVm", "\u00e9"])
def test_broken_base64_is_refused(content: str) -> None:
    notification = received("x@masks.example", content=content)
    notification["receipt"]["action"]["encoding"] = "BASE64"

    with pytest.raises(Refused):
        read(notification)


def _paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    if isinstance(value, list):
        inner = list(enumerate(value))
    return [path] * bool(path) + [one for key, each in inner for one in _paths(each, (*path, key))]


@given(
    notification=st.sampled_from(
        [received("x@masks.example", content="hi"), bounce("a@b.example"), complaint("a@b.example")]
    ),
    data=st.data(),
    put=JSON,
)
def test_whatever_stands_in_a_field_it_is_read_or_refused(
    notification: dict[str, Any], data: st.DataObject, put: object
) -> None:
    changed = json.loads(json.dumps(notification))
    *way, last = data.draw(st.sampled_from(_paths(changed)))
    holder = changed
    for key in way:
        holder = holder[key]
    holder[last] = put

    with suppress(Refused):
        assert isinstance(read(changed), Received | Bounce | Complaint)


@given(st.text() | JSON.map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse(text)
