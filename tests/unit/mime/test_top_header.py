"""The fields of the top header: how much of each is kept, and in which form."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from emails.mime.rewrite_forward import rewrite_forward
from emails.mime.rewrite_reply import rewrite_reply
from tests.unit.mime.builders import FORWARD, REPLY, a_mail, read

ONE_CLICK = "List-Unsubscribe=One-Click"


def forwarded(name: str, mail: bytes) -> str | None:
    """Return a field of the mail as it is forwarded."""
    value = read(rewrite_forward(mail, FORWARD).raw)[name]
    return None if value is None else str(value)


def ids(*numbers: int) -> list[str]:
    return [f"<{number}@sender.example>" for number in numbers]


@pytest.mark.parametrize(
    ("urls", "kept"),
    [
        (["a", "b", "c", "d", "e"], ["a", "b", "c"]),
        (["x" * 882, "b"], ["b"]),
        (["x" * 881, "b"], ["x" * 881, "b"]),
    ],
    ids=["many", "one too long", "one just short enough"],
)
def test_a_few_links_that_leave_a_list_are_kept(urls: Sequence[str], kept: Sequence[str]) -> None:
    given, expected = (
        ", ".join(f"<https://ok.example/{url}>" for url in some) for some in (urls, kept)
    )

    assert forwarded("List-Unsubscribe", a_mail(List_Unsubscribe=given)) == expected


@pytest.mark.parametrize(
    ("post", "expected"), [(ONE_CLICK, ONE_CLICK), ("anything else", None), (None, None)]
)
def test_a_list_is_left_with_one_click_only_if_its_sender_said_so(
    post: str | None, expected: str | None
) -> None:
    """A mail program posts to the link, which not every site expects."""
    said = {} if post is None else {"List_Unsubscribe_Post": post}
    mail = a_mail(List_Unsubscribe="<https://ok.example/u>", **said)

    assert forwarded("List-Unsubscribe-Post", mail) == expected


def test_the_newest_references_of_a_forwarded_mail_are_kept_its_own_among_them() -> None:
    mail = a_mail(References=" ".join(ids(*range(40))), Message_ID="<own@sender.example>")

    assert forwarded("References", mail) == " ".join([*ids(*range(11, 40)), "<own@sender.example>"])


def test_the_newest_references_of_a_reply_are_kept_the_answered_mail_among_them() -> None:
    plan = replace(
        REPLY, references=tuple(ids(*range(40))), message_id_in_thread="<own@sender.example>"
    )

    mail = read(rewrite_reply(a_mail(), plan).raw)

    assert str(mail["References"]) == " ".join([*ids(*range(11, 40)), "<own@sender.example>"])


@pytest.mark.parametrize(
    "stored", ["nonsense", "<a b@s.example>", "<a@s.example>\r\nBcc: <eve@evil.example>", "<ä@s>"]
)
def test_a_stored_id_that_is_none_is_left_out_of_a_reply(stored: str) -> None:
    plan = replace(REPLY, references=(stored, *ids(1)), message_id_in_thread=stored)

    mail = read(rewrite_reply(a_mail(), plan).raw)

    assert (mail["References"], mail["In-Reply-To"], mail["Bcc"]) == (*ids(1), None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("auto-replied", "auto-replied"), ("auto-generated; id=7", "auto-generated"), (" ", None)],
)
def test_a_mail_that_a_machine_wrote_still_says_so(value: str, expected: str | None) -> None:
    """Or the owner's vacation responder would answer it."""
    assert forwarded("Auto-Submitted", a_mail(Auto_Submitted=value)) == expected


def test_a_date_of_an_unknown_zone_is_one_of_universal_time() -> None:
    mail = a_mail(Date="Mon, 02 Nov 2026 10:00:00 -0000")

    assert forwarded("Date", mail) == "Mon, 02 Nov 2026 10:00:00 +0000"
