"""The mails of notices: in the owner's language, in their thread, and answered by no machine."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from emails.edges.notice_mail import notice_mail, render_notice
from emails.edges.notice_texts import TEXTS
from emails.values.errors import UnsendableReason
from emails.values.mailboxes import BounceMeaning
from emails.values.notices import MailIds, Notice, NoticeKind, NoticeWhy
from tests.unit.emails.builders import NOW

LANGUAGES = ["en", "fr", "de", "es"]
MASK = "x7k2@masks.example"
ANN = "ann@owner.example"

EVERY_NOTICE = [
    Notice(kind, MASK, why) for kind in NoticeKind for why in TEXTS[kind].whys or [None]
]


def a_notice_mail(notice: Notice, language: str = "en") -> EmailMessage:
    raw = notice_mail(notice, ANN, language, NOW)
    mail = message_from_bytes(raw, policy=policy.default)
    assert raw.isascii()
    assert all(len(line) < 998 for line in raw.split(b"\r\n"))
    assert mail.defects == []
    return mail


def test_each_kind_has_its_texts_and_each_reason_its_sentence() -> None:
    assert TEXTS.keys() == set(NoticeKind)
    said = {why for text in TEXTS.values() for why in text.whys or {}}
    assert said == {None, *NoticeWhy}
    reasons = {NoticeWhy(reason.value) for reason in UnsendableReason}
    reasons |= {NoticeWhy(one.value) for one in BounceMeaning if one.value in set(NoticeWhy)}
    assert reasons == set(NoticeWhy) - {NoticeWhy.FORMER_ADDRESS}


@pytest.mark.parametrize("notice", EVERY_NOTICE, ids=lambda one: f"{one.kind}-{one.why}")
def test_a_notice_differs_in_every_language_and_names_the_mask(notice: Notice) -> None:
    written = [render_notice(notice, language) for language in LANGUAGES]

    for part in ("subject", "text", "html"):
        assert len({getattr(one, part) for one in written}) == len(LANGUAGES)
    assert all(one.text.count(MASK) == 1 for one in written)
    assert all(one.html.count(MASK) == 1 for one in written)
    assert all("https://relay.example" in one.html for one in written)
    assert all("%(" not in one.text for one in written)


def test_the_reason_makes_the_difference() -> None:
    texts = [render_notice(one, "en").text for one in EVERY_NOTICE]

    assert len(set(texts)) == len(texts)


def test_an_unknown_reason_is_told_without_one() -> None:
    without = render_notice(Notice(NoticeKind.REPLY_BOUNCED, MASK), "en")

    assert (
        render_notice(Notice(NoticeKind.REPLY_BOUNCED, MASK, NoticeWhy.SIGNED_NAME), "en")
        == without
    )


@pytest.mark.parametrize("language", ["xx", "en-GB", ""])
def test_an_unknown_language_is_english(language: str) -> None:
    notice = Notice(NoticeKind.FIRST_REPLY, MASK)

    assert render_notice(notice, language).subject == render_notice(notice, "en").subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_a_notice_is_a_mail_that_no_machine_answers(kind: NoticeKind, language: str) -> None:
    mail = a_notice_mail(Notice(kind, MASK), language)

    assert (mail["From"], mail["To"]) == ("relay@masks.example", ANN)
    assert (mail["Auto-Submitted"], mail["X-Mail-Relay-Loop"]) == ("auto-generated", "notice")
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_a_notice_is_in_the_thread_of_the_mail_it_is_about() -> None:
    ids = MailIds("r1@owner.example", ("m0@sender.example", "0100-1@email.amazonses.com"))

    mail = a_notice_mail(Notice(NoticeKind.REPLY_SEALED, MASK, about=ids))

    assert mail["In-Reply-To"] == "<r1@owner.example>"
    assert mail["References"].split() == [
        "<m0@sender.example>",
        "<0100-1@email.amazonses.com>",
        "<r1@owner.example>",
    ]


def test_a_long_id_is_written_as_it_is() -> None:
    """Python's own header writer would encode it, and no mail program would find the thread."""
    long = "x" * 240 + "@owner.example"

    raw = notice_mail(Notice(NoticeKind.REPLY_SEALED, MASK, about=MailIds(long)), ANN, "en", NOW)

    assert f"In-Reply-To: <{long}>\r\n".encode() in raw


@pytest.mark.parametrize(
    "planted",
    ["a@b\r\nBcc: eve@evil.example", "a@b> <c@d", "é@b", "a\x00@b", "", "a b@c", "x" * 2000],
)
def test_no_id_of_a_stranger_can_add_a_field(planted: str) -> None:
    about = MailIds(planted, (planted, "good@sender.example"))

    mail = a_notice_mail(Notice(NoticeKind.MAIL_UNSENDABLE, MASK, about=about))

    assert (mail["In-Reply-To"], mail["Bcc"]) == (None, None)
    assert mail["References"] == "<good@sender.example>"


def test_without_ids_there_is_no_thread() -> None:
    mail = a_notice_mail(Notice(NoticeKind.MAILBOX_BACK))

    assert (mail["In-Reply-To"], mail["References"]) == (None, None)
    assert "Mask" not in str(mail.get_body(("plain",)))


def test_who_did_not_get_the_reply_is_named_and_escaped() -> None:
    notice = Notice(NoticeKind.REPLY_BOUNCED, MASK, correspondent="<b>@sender.example")

    rendered = render_notice(notice, "en")

    assert "To: <b>@sender.example" in rendered.text
    assert "&lt;b&gt;@sender.example" in rendered.html


@pytest.mark.parametrize("kind", [NoticeKind.REPLY_BOUNCED, NoticeKind.MAILBOX_BACK])
def test_only_what_is_sent_once_for_several_mails_says_so(kind: NoticeKind) -> None:
    says_so = "at most once a day" in render_notice(Notice(kind, MASK), "en").text

    assert says_so is (kind is NoticeKind.REPLY_BOUNCED)
