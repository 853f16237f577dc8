"""Mails and HTML that try to make a parser slow."""

from collections.abc import Callable

from tests.unit.mime.builders import a_mail


def _filled(pattern: str) -> Callable[[int], str]:
    def make(size: int) -> str:
        return pattern * (size // len(pattern))

    return make


HOSTILE_HTML: dict[str, Callable[[int], str]] = {
    "unclosed tags": _filled("<a "),
    "tags that are never closed": _filled("<div>"),
    "brackets": _filled("<"),
    "double quotes": lambda size: "<a href=" + '"' * size,
    "single quotes": lambda size: "<a " + "'" * size,
    "quoted values": lambda size: "<a " + "b='c' " * (size // 6),
    "many values": lambda size: "<a " + "b='c' " * (size // 6) + ">",
    "tags with many values": _filled("<p" + " b='/c'" * 40 + ">"),
    "an unclosed quote": lambda size: "<p>" * (size // 3) + '<a b="',
    "equals signs": lambda size: "<a " + "=" * size,
    "slashes": lambda size: "<a href=" + "/" * size,
    "open comments": _filled("<!--"),
    "comment ends": lambda size: "<!--" + "--!" * (size // 3),
    "conditional comments": _filled("<!--[if mso]>"),
    "styles": _filled("<style>"),
    "ends of styles": lambda size: "<style>" + "</styl" * (size // 6),
    "heads and bodies": _filled("<head></head><body></body>"),
    "ends of bodies": _filled("</body>"),
    "links to trackers": _filled('<a href="https://tracker.example/">'),
    "images of trackers": _filled("<img src=//tracker.example>"),
    "almost trackers": _filled("<img src=https://tracker.exampl/>"),
    "one long host": lambda size: '<img src="https://' + "a." * (size // 2) + 'tracker.example">',
    "one long path": lambda size: '<img src="https://tracker.example/' + "a/" * (size // 2) + '">',
    "schemes": lambda size: "<img src=" + "https:" * (size // 6),
    "schemes with slashes": lambda size: "<img src='" + "https://" * (size // 8),
    "links within links": _filled("<a href='<a href="),
    "references": lambda size: '<a href="https://tracker.example/' + "&quot;" * (size // 6),
    "doctypes": _filled("<!doctype html>"),
    "blanks": lambda size: "<a" + " " * size + "href",
}


def _nested(depth: int) -> bytes:
    heads = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(depth)
    )
    head, _, rest = heads.partition("\r\n")
    return a_mail(head) + rest.encode() + b"\r\ndeep\r\n"


def _many_parts(count: int) -> bytes:
    part = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    return a_mail("Content-Type: multipart/mixed; boundary=b", body=part * count + "--b--")


HOSTILE_MAILS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a header without a body": lambda: a_mail().partition(b"\r\n\r\n")[0],
    "10,000 levels": lambda: _nested(10_000),
    "100,000 parts": lambda: _many_parts(100_000),
    "a header line of a megabyte": lambda: a_mail(Subject="x" * (1 << 20)),
    "a megabyte of encoded words": lambda: a_mail(Subject="=?utf-8?q?=C3=A4?= " * 55_000),
    "a megabyte of addresses": lambda: a_mail(From="<a@b.example>, " * 70_000),
    "a megabyte of brackets for a sender": lambda: a_mail(From="(<" * (1 << 19)),
    "a megabyte of parameters": lambda: a_mail("Content-Type: text/plain; " + "a=b; " * 200_000),
    "a megabyte of continued parameters": lambda: a_mail(
        "Content-Type: multipart/mixed; " + "".join(f"boundary*{n}=x; " for n in range(60_000))
    ),
    "100,000 headers": lambda: a_mail(*(f"X-{n}: y" for n in range(100_000))),
    "a field of 300,000 lines": lambda: a_mail(Subject="x" + "\r\n y" * 300_000),
    "a megabyte of quoted characters": lambda: a_mail(
        'Content-Type: text/plain; name="' + "\\a" * (1 << 19) + '"'
    ),
    "a megabyte of escaped quotes": lambda: a_mail(
        'Content-Type: text/plain; name="' + '\\"' * (1 << 19)
    ),
    "a megabyte of padding in base64": lambda: a_mail(
        "Content-Transfer-Encoding: base64", body="=!" * (1 << 19)
    ),
    "a megabyte of blanks for an attendee": lambda: a_mail(
        "Content-Type: text/calendar", body="ATTENDEE:" + " " * (1 << 20)
    ),
    "100,000 references": lambda: a_mail("References: " + "<a@b> " * 100_000),
    "line ends": lambda: a_mail() + b"\r" * (1 << 19) + b"\n" * (1 << 19),
    "a boundary that is everywhere": lambda: a_mail(
        "Content-Type: multipart/mixed; boundary=b", body="--b\n" * 100_000
    ),
}
