"""Attachments whose names SES blocks are renamed, wherever and however the names are written.

The stand-in for SES judges the results, by Python's own mail parser. Lesson 45.
"""

from collections.abc import Sequence
from email.header import Header
from email.utils import encode_rfc2231
from urllib.parse import quote

import pytest

from emails.mime.blocked_names import is_blocked, sendable
from emails.mime.plans import Note
from emails.mime.rewrite_reply import rewrite_reply
from emails.values.errors import Unsendable
from tests.unit.mime.builders import FORWARD, REPLY, a_mail, attachment, forward, read
from tools.local.ses_limits import refusal_of

BLOCKED = [
    *("server.crt", "SETUP.EXE", "run.me.js", "a.com", "invoice-for-shop.example.com", "page.hta"),
    *("link.url", ".bat", "a.ps1xml", "x.xnk", "data.mdb", "matlab.mat", "lib.lib", "a.tmp"),
]
SENT = [
    *("a.pdf", "a.docx", "a.zip", "a.crt.txt", "crt", "exe", "a.exe.renamed", "a.common", "a.txt"),
    *("server.crt.pem", "a.jsx"),
]


def names_of(raw: bytes) -> list[str]:
    """The names of all parts, as Python's parser reads them."""
    found = [part.get_filename() for part in read(raw).walk()]
    return [name for name in found if name]


@pytest.mark.parametrize("name", BLOCKED)
def test_a_blocked_name_gets_another_ending(name: str) -> None:
    mail = attachment(f'Content-Disposition: attachment; filename="{name}"')

    rewritten = forward(mail)

    assert names_of(rewritten.raw) == [f"{name}.renamed"]
    assert "attachment_renamed" in rewritten.issues
    assert b"UERG" in rewritten.raw


@pytest.mark.parametrize("name", SENT)
def test_other_names_stay_as_they_are_written(name: str) -> None:
    header = f'Content-Disposition: ATTACHMENT;\n\tfilename="{name}"'

    rewritten = forward(attachment(header))

    assert header.replace("\n", "\r\n").encode() in rewritten.raw
    assert "attachment_renamed" not in rewritten.issues


@pytest.mark.parametrize("name", ["a.exe.", "a.exe ", "a.exe. .", "a.exe\t", "a.exe'"])
def test_what_others_ignore_at_the_end_of_a_name_is_ignored(name: str) -> None:
    assert is_blocked(name)
    assert sendable(name) == "a.exe.renamed"


WORDS = Header("Zertifikat für server.crt", "utf-8").encode()
WAYS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "in the type": (['Content-Type: a/b; name="a.crt"'], ["a.crt.renamed"]),
    "bare": (["Content-Disposition: inline; filename=a.crt"], ["a.crt.renamed"]),
    "in capitals": (['CONTENT-DISPOSITION: INLINE; FILENAME="A.CRT"'], ["A.CRT.renamed"]),
    "as encoded words": (
        [f'Content-Type: a/b; name="{WORDS}"'],
        ["Zertifikat für server.crt.renamed"],
    ),
    "by RFC 2231": (
        [f"Content-Disposition: inline; filename*={encode_rfc2231('ä.crt', 'utf-8')}"],
        ["ä.crt.renamed"],
    ),
    "in sections": (
        ["Content-Disposition: inline; filename*0=\"it's a.c\";", " filename*1=rt"],
        ["it's a.crt.renamed"],
    ),
    "in encoded sections": (
        [f"Content-Disposition: inline; filename*0*=utf-8''{quote('ä.c')};", " filename*1*=%72t"],
        ["ä.crt.renamed"],
    ),
    "in raw octets": (['Content-Disposition: inline; filename="ä.crt"'], ["ä.crt.renamed"]),
    "folded": (["Content-Disposition: inline;", ' filename="a', ' b.crt"'], ["a b.crt.renamed"]),
    "with quotes": (
        ['Content-Disposition: inline; filename="a \\"b\\".crt"'],
        ['a "b".crt.renamed'],
    ),
    "without its end": (['Content-Disposition: inline; filename="a.crt'], ["a.crt.renamed"]),
    "beside a harmless one": (
        ['Content-Type: a/b; name="a.pdf"', 'Content-Disposition: inline; filename="a.crt"'],
        ["a.crt.renamed"],
    ),
    "twice": (['Content-Disposition: inline; filename="a.pdf"; filename="a.crt"'], ["a.pdf"]),
    "in two fields": (
        ["Content-Disposition: inline; filename=a.pdf", "Content-Disposition: x; filename=a.crt"],
        ["a.pdf"],
    ),
    "with a path": (['Content-Type: a/b; name="C:\\\\a\\\\b.exe"'], ["C:\\a\\b.exe.renamed"]),
    "very long": ([f'Content-Type: a/b; name="{"x" * 900}.crt"'], ["x" * 900 + ".crt.renamed"]),
    "of a text": (["Content-Type: text/plain; name=run.bat; charset=utf-8"], ["run.bat.renamed"]),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_name_is_found_however_it_is_written(way: str) -> None:
    head, expected = WAYS[way]

    assert names_of(forward(attachment(*head)).raw) == expected


@pytest.mark.parametrize("way", ["twice", "in two fields"])
def test_no_second_name_is_left_that_ses_may_read(way: str) -> None:
    raw = forward(attachment(*WAYS[way][0])).raw

    assert b"a.crt" not in raw.replace(b"a.crt.renamed", b"")


@pytest.mark.parametrize("way", WAYS)
def test_a_reply_is_sent_with_such_files_too(way: str) -> None:
    head, expected = WAYS[way]

    raw = rewrite_reply(attachment(*head), REPLY).raw

    assert refusal_of(raw) is None
    assert names_of(raw) == expected


def test_the_whole_mail_may_be_the_file() -> None:
    mail = a_mail('Content-Type: application/x-x509; name="a.crt"', body="UERG")

    rewritten = forward(mail)

    assert names_of(rewritten.raw) == ["a.crt.renamed"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/mixed"], ids=["text", "no parts"])
def test_a_file_whose_type_is_written_anew_is_renamed_too(kind: str) -> None:
    head = f'Content-Type: {kind}; name="a.bat"; boundary=none'
    mail = a_mail(
        "Content-Type: multipart/mixed; boundary=b", body=f"--b\n{head}\n\n\u00e9\u0000x\n--b--\n"
    )

    assert names_of(forward(mail).raw) == ["a.bat.renamed"]


def test_a_file_within_an_attached_mail_is_renamed() -> None:
    inner = attachment('Content-Disposition: attachment; filename="a.crt"').decode()
    mail = a_mail(
        "Content-Type: multipart/mixed; boundary=o",
        body=f"--o\nContent-Type: message/rfc822; name=fwd.eml\n\n{inner}\n--o--\n".replace(
            "\r\n", "\n"
        ),
    )

    rewritten = forward(mail)

    assert names_of(rewritten.raw) == ["fwd.eml", "a.crt.renamed"]


SIGNED = """--s
{head}

text
--s
Content-Type: application/pgp-signature; name="{signature}"

SIGNATURE
--s--
"""
PROTOCOL = "Content-Type: multipart/signed; protocol=application/pgp-signature; boundary=s"


def signed(head: str, signature: str = "signature.asc") -> bytes:
    return a_mail(PROTOCOL, body=SIGNED.format(head=head, signature=signature))


def test_a_signed_part_is_not_renamed_but_its_mail_held() -> None:
    with pytest.raises(Unsendable) as unsendable:
        forward(signed("Content-Type: a/b; name=a.crt"))

    assert unsendable.value.reason == "signed_name"


def test_a_signed_mail_with_other_names_stays_as_it_is() -> None:
    mail = signed("Content-Type: a/b; name=a.pdf")

    assert (
        SIGNED.format(head="Content-Type: a/b; name=a.pdf", signature="signature.asc")
        .replace("\n", "\r\n")
        .encode()
        in forward(mail).raw
    )


def test_the_signature_itself_is_not_signed() -> None:
    rewritten = forward(signed("Content-Type: text/plain", "a.crt"))

    assert names_of(rewritten.raw) == ["a.crt.renamed"]


def test_a_signed_part_deep_within_is_found() -> None:
    inner = signed("Content-Type: a/b; name=a.crt").decode()
    mail = a_mail(
        "Content-Type: multipart/mixed; boundary=o",
        body=f"--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n".replace("\r\n", "\n"),
    )

    with pytest.raises(Unsendable):
        forward(mail)


def test_the_note_is_told_which_files_were_renamed() -> None:
    told: list[Sequence[str]] = []

    def make_note(_: object, renamed: Sequence[str]) -> Note | None:
        told.append(renamed)
        return FORWARD.make_note({}, renamed)

    head = ['Content-Type: a/b; name="a.crt"', 'Content-Disposition: inline; filename="a.crt"']
    forward(attachment(*head), make_note=make_note)
    forward(attachment("Content-Type: a/b; name=a.pdf"), make_note=make_note)

    assert told == [("a.crt",), ()]


def test_a_name_in_a_body_or_in_a_text_is_left_alone() -> None:
    mail = a_mail(body='Content-Type: a/b; name="a.crt"\n\nname=a.exe\n')

    assert b'name="a.crt"' in forward(mail).raw
