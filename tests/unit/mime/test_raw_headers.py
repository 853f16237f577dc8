"""Headers with raw 8-bit text, and with encoded words that no standard allows."""

import pytest

from emails.mime.fields import decoded
from tests.unit.mime.builders import a_mail, forward, read


def in_charset(charset: str, *lines: str, body: str = "") -> bytes:
    """Build a mail whose header and body are raw text in a charset."""
    head = [*lines, f"Content-Type: text/plain; charset={charset}", "", body]
    return "\r\n".join(head).encode(charset)


@pytest.mark.parametrize(
    ("charset", "name", "subject"),
    [
        ("windows-1251", "Рассылка", "Обновление участникам"),
        ("koi8-r", "Рассылка", "Обновление участникам"),
        ("shift_jis", "山田 花子", "表示 ソフト ご注文"),
        ("euc-jp", "山田 花子", "ご注文"),
        ("gb2312", "张三", "你好"),
        ("big5", "張三", "你好 許功蓋"),
        ("euc-kr", "홍길동", "안녕하세요"),
        ("iso-8859-2", "Łukasz", "Zażółć gęślą jaźń"),
        ("iso-8859-1", "Zoë", "Università"),
        ("utf-8", "Zoë", "Университет"),
    ],
)
def test_raw_text_is_in_the_charset_of_the_body(charset: str, name: str, subject: str) -> None:
    raw = in_charset(charset, f"From: {name} <a@sender.example>", f"Subject: {subject}", body=name)

    mail = read(forward(raw).raw)

    assert mail["Subject"] == subject
    shown = mail["From"].addresses[0].display_name
    assert shown.split() == f"{name} <a@sender.example> [via Relay]".split()


def test_raw_utf_8_is_read_as_such_whatever_the_body_is_in() -> None:
    raw = a_mail("Content-Type: text/plain; charset=koi8-r", Subject="Grüße", body="x")

    assert read(forward(raw).raw)["Subject"] == "Grüße"


def test_the_first_text_that_names_a_charset_counts_also_in_a_multipart() -> None:
    body = "--b\n\nhi\n--b\nContent-Type: text/html; charset=windows-1251\n\n<p>hi</p>\n--b--\n"
    raw = a_mail("Content-Type: multipart/alternative; boundary=b", Subject="@", body=body)

    mail = read(forward(raw.replace(b"@\r\n", "Привет\r\n".encode("cp1251"), 1)).raw)

    assert mail["Subject"] == "Привет"


def test_an_attached_mail_has_a_charset_of_its_own() -> None:
    inner = in_charset("koi8-r", "Subject: Привет", "From: Иван <i@x.example>", body="да")
    head = a_mail("Content-Type: multipart/mixed; boundary=b", Subject="s")
    raw = head + b"--b\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\nx\r\n--b\r\n"
    raw += b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n"

    (attached,) = [
        part.get_content()
        for part in read(forward(raw).raw).walk()
        if part.get_content_type() == "message/rfc822"
    ]

    assert attached["Subject"] == "Привет"
    assert attached["From"].addresses[0].display_name == "Иван"
    assert attached["From"].addresses[0].addr_spec == "i@x.example"


def test_raw_file_names_are_in_the_charset_of_the_body() -> None:
    lines = ["--b", "Content-Type: text/plain; charset=windows-1251", "", "да"]
    lines += ["--b", 'Content-Type: application/pdf; name="отчёт.pdf"']
    lines += ["Content-Disposition: attachment; filename=отчёт.pdf", "", "x", "--b--", ""]
    head = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    raw = (head + "\r\n".join(lines)).encode("cp1251")

    (pdf,) = [one for one in read(forward(raw).raw).walk() if one.get_filename()]

    assert pdf.get_filename() == "отчёт.pdf"
    assert pdf.get_param("name") == "отчёт.pdf"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"=?utf-8?q?Gr\xc3\xbc\xc3\x9fe?=", "Grüße"),
        (b"=?iso-8859-1?q?Gr\xfc\xdfe?=", "Grüße"),
        (b"=?iso-8859-1?q?Gr\xc3\xbc\xc3\x9fe?=", "Grüße"),
        (b"=?iso-8859-1?q?Gr=FC\xdfe?=", "Grüße"),
        (b"=?windows-1251?q?\xcf\xf0\xe8?=", "При"),
        (b"=?us-ascii?q?Gr\xc3\xbc\xc3\x9fe?=", "Grüße"),
        (b"=?utf-8?q?a==3Db==?=", "a==b=="),
        (b"=?utf-8?b?R3LDvMOf?= =?utf-8?b?ZQ==?=", "Grüße"),
        (b"=?utf-8?b?R3I=w7zDnw==ZQ==?=", "Grüße"),
        (b"=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?iso-2022-jp?b?GyRCLSEtahsoQg==?=", "①㈱"),
        (b"\x1b$B-!-j\x1b(B", "①㈱"),
        ("Città ".encode(), "Città"),
        ("Perch\xe9".encode("latin-1") + " città".encode(), "Perch\ufffd città"),
        ("Zoë à".encode("latin-1"), "Zoë à"),
    ],
)
def test_an_encoded_word_is_decoded_once(written: bytes, shown: str) -> None:
    assert decoded(written) == shown


@pytest.mark.parametrize(
    "word", ["=?klingon?q?Gr=FC=DFe?=", "=?unknown-8bit?b?4/8=?=", "=?utf-8?q?Gr=FC=DFe_=A0=A1?="]
)
@pytest.mark.parametrize("text", ["{}", "Re: {}", "{} and {}", "Grüße {} end"])
def test_words_that_we_cannot_read_stay_in_the_subject(word: str, text: str) -> None:
    subject = text.format(word, "=?utf-8?q?=C3=A4?=")
    if text == "{} and {}":
        subject = f"{word} and =?utf-8?q?=C3=A4?="

    result = forward(a_mail(Subject=subject)).raw

    (line,) = [one for one in result.split(b"\r\n") if word.encode() in one]
    assert line.removeprefix(b"Subject:").strip() == word.encode()


# As octets of Latin-1, these end or begin with a blank, as Python sees it: A0 and 85.
_LOSABLE = ["Società", "Å", "à la carte", "…", "Ņ", "Șà", "город Я", "я …"]


@pytest.mark.parametrize("text", _LOSABLE)
def test_no_raw_octet_is_taken_for_a_blank(text: str) -> None:
    raw = "\r\n".join(
        [
            f"From: {text} <info@{text.replace(' ', '')}.example>",
            f"Subject: {text}",
            f"To: {text} <a@b.example>",
            f'Cc: "{text}" <a@b.example>',
            f"List-Id: {text} <list.example>",
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "--b",
            f"Content-Type: application/pdf; name={text}",
            f'Content-Disposition: attachment; filename="{text}"',
            f"Content-Description: {text}",
            "",
            "x",
            "--b",
            "Content-Type: message/rfc822",
            "",
            f"From: {text} <c@d.example>",
            f"Subject: {text}",
            "",
            "hi",
            "--b--",
            "",
        ]
    ).encode()

    mail = read(forward(raw).raw)

    assert mail["Subject"] == text
    assert mail["From"].addresses[0].display_name.startswith(f"{text} ")
    assert mail["X-Mail-Relay-Original-To"] == f"{text} <a@b.example>"
    assert mail["X-Mail-Relay-Original-Cc"] == f'"{text}" <a@b.example>'
    assert str(mail["List-Id"]) == f"{text} <list.example>"
    pdf = next(one for one in mail.walk() if one.get_content_type() == "application/pdf")
    assert (pdf.get_filename(), pdf["Content-Description"]) == (text, text)
    inner = next(one for one in mail.walk() if one["From"] and one is not mail)
    assert inner["Subject"] == text
    assert inner["From"].addresses[0].display_name == text
