"""Hypothesis strategies for all kinds of mails, built by the standard library."""

from email import policy
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from hashlib import sha256

from hypothesis import strategies as st

_CHARSETS = (
    "us-ascii",
    "utf-8",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1251",
    "shift_jis",
    "gb2312",
)
_SAMPLES = {
    "us-ascii": "plain words",
    "utf-8": "Grüße, こんにちは, 🙂, שלום",
    "iso-8859-1": "Grüße à tous",
    "iso-8859-15": "zehn €",
    "windows-1251": "Привет",
    "shift_jis": "こんにちは",
    "gb2312": "你好",
}
_FILE_NAMES = st.sampled_from(
    ["a.bin", "räksmörgås.pdf", "名前.png", 'quo"ted.txt', "a" * 120 + ".x"]
)
_LINES = st.lists(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60), max_size=8
)


@st.composite
def texts(draw: st.DrawFn, subtype: str) -> Message:
    """Draw a text in some charset, which determines the transfer encoding."""
    charset = draw(st.sampled_from(_CHARSETS))
    lines = [*draw(_LINES), _SAMPLES[charset]]
    if subtype == "html":
        shown = "".join(f"<p>{line.replace('&', '').replace('<', '')}</p>" for line in lines)
        return MIMEText(f"<html><body>{shown}</body></html>", "html", charset)
    return MIMEText("\n".join(lines), "plain", charset)


@st.composite
def files(draw: st.DrawFn) -> Message:
    """Draw an attachment, or an inline image for HTML."""
    octets = draw(st.binary(max_size=300))
    if draw(st.booleans()):
        image = MIMEImage(octets, "png")
        image["Content-ID"] = "<image@sender.example>"
        return image
    file = MIMEApplication(octets)
    file.add_header("Content-Disposition", "attachment", filename=draw(_FILE_NAMES))
    return file


@st.composite
def attached_mails(draw: st.DrawFn) -> Message:
    """Draw a mail that is attached to another."""
    inner = EmailMessage(policy=policy.SMTP)
    inner["From"] = "carol@sender.example"
    inner["Subject"] = draw(st.sampled_from(["fwd", "Übermut"]))
    inner.set_content("\n".join(draw(_LINES)) or "inner")
    return MIMEMessage(inner)


def _multipart(children: st.SearchStrategy[Message]) -> st.SearchStrategy[Message]:
    def put_together(subtype: str, parts: list[Message]) -> Message:
        # A hash of the content, so that nested multiparts have different boundaries.
        digest = sha256(b"".join(part.as_bytes() for part in parts)).hexdigest()
        whole = MIMEMultipart(subtype, boundary=f"=_{len(parts)}{digest[:40]}")
        for part in parts:
            whole.attach(part)
        return whole

    subtypes = st.sampled_from(["mixed", "alternative", "related", "signed", "report"])
    return st.builds(put_together, subtypes, st.lists(children, min_size=1, max_size=4))


leaves = st.one_of(texts("plain"), texts("html"), files(), attached_mails())
bodies = st.recursive(leaves, _multipart, max_leaves=8)


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """Draw a whole mail."""
    mail = draw(bodies)
    mail["From"] = draw(
        st.sampled_from(["bob@sender.example", '"Böb, the \\"x\\"" <bob@x.example>'])
    )
    mail["To"] = "x7k2@masks.example"
    mail["Subject"] = draw(st.sampled_from(["hello", "Grüße aus 東京 " * 9, ""]))
    mail["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    return mail.as_bytes(policy=policy.compat32.clone(linesep="\r\n"))
