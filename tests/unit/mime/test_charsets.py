"""Texts are read as browsers read them, and stay as they are if we aren't sure what they say."""

import base64
from email import message_from_bytes

import pytest
from webencodings import lookup
from webencodings.labels import LABELS

from emails.mime import charsets
from emails.mime.charset_names import codec_of
from emails.mime.issues import Issue
from tests.mime_checker import check_octets
from tests.unit.mime.builders import a_mail, forward, read, texts

SAMPLES = {
    "iso-8859-8-i": "שלום עולם",
    "csiso88598i": "שלום",
    "logical": "שלום",
    "windows-874": "สวัสดี",
    "dos-874": "สวัสดี",
    "windows-949": "똠방각하",
    "ks_c_5601-1989": "똠방각하",
    "windows-31j": "①髙ご注文",
    "ms932": "①髙",
    "x-sjis": "㈱山﨑",
    "gb_2312-80": "镕你好",
    "chinese": "你好",
    "x-x-big5": "你好",
    "x-mac-cyrillic": "Привет",
    "x-mac-ukrainian": "Привіт",
    "koi8-ru": "Привіт",
    "iso-8859-1": "“quotes” and €",
    "iso-8859-9": "İstanbul",
    "tis-620": "“สวัสดี”",
    "windows-936": "镕你好",
    "win-1251": "Привет",
    "cswindows31j": "①髙",
    "utf8mb4": "Grüße",
    "unicode-1-1-utf-7": "Grüße",
}
CODECS = {
    "x-mac-ukrainian": "mac_cyrillic",
    "koi8-ru": "koi8_u",
    "iso-8859-1": "cp1252",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
    "windows-936": "gb18030",
    "gb_2312-80": "gb18030",
    "win-1251": "cp1251",
    "cswindows31j": "cp932",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
}


def _octets(label: str, text: str) -> bytes:
    if codec := CODECS.get(label):
        return text.encode(codec)
    encoding = lookup(label)
    assert encoding is not None
    written: bytes = encoding.codec_info.encode(text)[0]
    return written


def body_of(mail: bytes) -> bytes:
    """Return the first text of a mail as octets."""
    part = next(one for one in read(mail).walk() if one.get_content_maintype() == "text")
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets


def a_text(octets: bytes, content_type: str) -> bytes:
    body = base64.encodebytes(octets).decode()
    return a_mail(f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64", body=body)


@pytest.mark.parametrize("label", LABELS)
def test_every_name_of_the_encoding_standard_is_known(label: str) -> None:
    is_none = LABELS[label] == "x-user-defined" or label in _SHOWN_BY_NOBODY
    assert (codec_of(label) is None) is is_none


_SHOWN_BY_NOBODY = ("replacement", "iso-2022-cn", "iso-2022-cn-ext")


@pytest.mark.parametrize("label", SAMPLES)
def test_a_text_is_read_under_each_name_of_its_charset(label: str) -> None:
    octets = _octets(label, SAMPLES[label])

    assert charsets.read(octets, label).text == SAMPLES[label]
    result = forward(a_text(octets, f"text/plain; charset={label}"))
    assert Issue.BAD_CHARSET not in result.issues
    assert charsets.read(body_of(result.raw), label).text.startswith(SAMPLES[label])


CELLS = [bytes((row, cell)) for row in range(0x21, 0x7F) for cell in range(0x21, 0x7F)]


def _as_shift_jis(cell: bytes) -> bytes:
    """JIS X 0208's octets as those of Shift JIS: two rows share a first octet."""
    row, column = cell[0] - 0x21, cell[1] - 0x21
    first = row // 2 + (0x81 if row < 62 else 0xC1)
    second = column + 0x9F if row % 2 else column + (0x40 if column < 63 else 0x41)
    return bytes((first, second))


def test_each_japanese_character_is_that_of_windows() -> None:
    """With those of NEC and IBM, which Python's decoders of ISO-2022-JP and EUC-JP don't know."""
    known = 0
    for cell in CELLS:
        expected = _as_shift_jis(cell).decode("cp932", "ignore")
        iso, euc = b"\x1b$B" + cell + b"\x1b(B", bytes(octet | 0x80 for octet in cell)
        assert (charsets.exactly(iso, "iso-2022-jp") or "") == expected
        assert (charsets.exactly(euc, "euc-jp") or "") == expected
        known += bool(expected)
    assert known > 7_000


@pytest.mark.parametrize(
    ("octets", "label", "text"),
    [
        (b"\x1b$B-!-j|bV\\{U\x1b(B ok", "iso-2022-jp", "①㈱髙巓羡 ok"),
        (b'\x1b$@$"\x1b(J\\~\x1b(IB:\x1b(B', "iso-2022-jp", "あ¥‾ﾂｺ"),
        (b"\x1b$B!A\x1b(B", "iso-2022-jp", "\uff5e"),
        (b"\xad\xa1\xad\xea \x8e\xb1 \x8f\xb0\xa1", "euc-jp", "①㈱ ｱ 丂"),
        (b"\x80 \xc4\xe3", "gbk", "€ 你"),
        (b"\x1b$B-!-j\x1b(B ok", "us-ascii", "①㈱ ok"),
        (b"\x1b$B-!-j\x1b(B ok", "utf-8", "①㈱ ok"),
    ],
)
def test_what_python_does_not_decode_is_read_as_browsers_do(
    octets: bytes, label: str, text: str
) -> None:
    (shown,) = texts(read(forward(a_text(octets, f"text/plain; charset={label}")).raw))

    assert shown.splitlines()[0] == text


SHIFT_JIS = "こんにちは、世界。ご注文ありがとうございます".encode("shift_jis")
LATIN = "Università e città".encode("latin-1")


@pytest.mark.parametrize("subtype", ["plain", "html"])
@pytest.mark.parametrize(
    ("charset", "octets"),
    [
        ("; charset=klingon", LATIN),
        ("; charset=klingon", b"plain words"),
        ("; charset=unknown-8bit", SHIFT_JIS),
        ("; charset=us-ascii", SHIFT_JIS),
        ("", SHIFT_JIS),
        ("", LATIN),
        ("; charset=utf-8", SHIFT_JIS),
        ("; charset=iso-2022-jp", SHIFT_JIS),
        ("; charset=iso-2022-jp", b"\x1b$B$*@$OC\x1b(B and \x1b$B\x22\x2f\r\n\x1b(B"),
        ("; charset=iso-2022-jp", b"\x1b$b-!\x1b(b"),
        ("; charset=us-ascii", b"\x1b$B$*@$O\x1b(B"),
        ("; charset=euc-kr", b"\xff\xfe\xfd" * 9),
        ("; charset=x-user-defined", LATIN),
    ],
)
def test_a_text_of_which_we_are_not_sure_stays_and_the_note_is_elsewhere(
    subtype: str, charset: str, octets: bytes
) -> None:
    result = forward(a_text(octets, f"text/{subtype}{charset}"))

    _, text, note = message_from_bytes(result.raw).walk()
    assert text.get_payload(decode=True) == octets
    assert text["Content-Type"] == f"text/{subtype}{charset}"
    assert b"[NOTE]" in bytes(note.get_payload(decode=True) or b"")
    assert Issue.BAD_CHARSET in result.issues


def test_trackers_are_removed_from_a_page_of_which_we_are_not_sure() -> None:
    page = b"<p>" + SHIFT_JIS + b'</p><img src="https://tracker.example/1.gif"> end'
    trackers = frozenset({"tracker.example"})

    result = forward(a_text(page, "text/html; charset=klingon"), trackers=trackers)

    shown = body_of(result.raw)
    assert b"tracker.example" not in shown
    assert SHIFT_JIS in shown
    assert b"Content-Type: text/html; charset=klingon\r\n" in result.raw


def test_of_two_forms_the_note_is_in_the_one_of_which_we_are_sure() -> None:
    lines = ["--b", "Content-Type: text/plain; charset=klingon", "", "hello"]
    lines += ["--b", "Content-Type: text/html; charset=utf-8", "", "<p>hello</p>", "--b--", ""]
    body = "\n".join(lines)

    mail = read(forward(a_mail("Content-Type: multipart/alternative; boundary=b", body=body)).raw)

    _, plain, page = mail.walk()
    assert bytes(plain.get_payload(decode=True) or b"").strip() == b"hello"
    assert b"[NOTE]" in bytes(page.get_payload(decode=True) or b"")
    assert mail.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize("label", ["iso-2022-jp", "big5"])
def test_utf_8_under_a_name_that_programs_believe_stays_as_it_is(label: str) -> None:
    octets = "Grüße, こんにちは, שלום".encode()

    result = forward(a_text(octets, f"text/plain; charset={label}"))

    parts = [part for part in read(result.raw).walk() if part.get_content_charset() == label]
    assert bytes(parts[0].get_payload(decode=True) or b"").strip() == octets


@pytest.mark.parametrize("label", ["us-ascii", ""])
def test_utf_8_under_another_name_is_known_for_what_it_is(label: str) -> None:
    text = "Grüße, こんにちは, שלום"
    charset = f"; charset={label}" if label else ""

    result = forward(a_text(text.encode(), f"text/plain{charset}"))

    assert texts(read(result.raw))[0].startswith(text)
    assert check_octets(result.raw) == []


def test_a_few_bad_octets_stay_where_they_are() -> None:
    octets = "Grüße und viele andere Wörter, damit es wenige sind".encode() + b" \xff."

    result = forward(a_text(octets, "text/plain; charset=utf-8"))

    assert body_of(result.raw).startswith(octets)
    assert Issue.BAD_CHARSET in result.issues
