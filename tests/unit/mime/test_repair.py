"""What forwarding repairs, and which signed content it leaves unchanged."""

from emails.mime.issues import Issue
from emails.mime.rewrite_forward import rewrite_forward
from tests.unit.mime.builders import FORWARD, a_mail, read


def test_multiparts_without_an_end_are_closed_from_the_inside_out() -> None:
    inner = "--in\n\nhello\n"
    body = f'--out\nContent-Type: multipart/mixed; boundary="in"\n\n{inner}'

    result = rewrite_forward(
        a_mail('Content-Type: multipart/mixed; boundary="out"', body=body), FORWARD
    )

    assert Issue.NOT_CLOSED in result.issues
    assert 0 < result.raw.index(b"--in--") < result.raw.index(b"--out--")
    assert [part.defects for part in read(result.raw).walk() if part.is_multipart()] == [[], []]


def test_a_signed_mail_with_wrong_line_ends_keeps_everything_else() -> None:
    """They were CRLF when it was signed (RFC 8551, 3.1.1), so the signature fits again."""
    signature = "Content-Type: application/pgp-signature\n\nsig\n"
    body = f"--b\n\nsigned  text \non two lines\n--b\n{signature}--b--\n"
    head, _, rest = a_mail(
        'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary="b"',
        body=body,
    ).partition(b"\r\n\r\n")

    result = rewrite_forward(head + b"\r\n\r\n" + rest.replace(b"\r\n", b"\n"), FORWARD)

    assert Issue.SEAL_BROKEN not in result.issues
    assert rest.rstrip() in result.raw
