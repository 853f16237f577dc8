"""Makes what is carried along fit to be sent: 7-bit clean, its multiparts whole.

What is clean, and that is nearly all mail, is left as it is. The decoded octets of a part stay the
same in any case; what changes is how they are written.
"""

import re
from hashlib import blake2b
from quopri import decodestring

from emails.mime.assemble import Changes, Octets, Slice, charset_changed
from emails.mime.body import is_sealed
from emails.mime.encoding import (
    BASE64,
    IDENTITY,
    QUOTED_PRINTABLE,
    READABLE,
    SEVEN_BIT,
    UNREADABLE,
    as_base64,
    is_clean,
    is_sendable,
    rewrapped,
)
from emails.mime.fields import with_parameters
from emails.mime.issues import Issue
from emails.mime.structure import Part

_BOUNDARY = re.compile(rb"[ -~]{1,200}")


def clean(changes: Changes, issues: set[Issue], *, is_all_clean: bool) -> None:
    """Collect the changes that make all parts clean, but for those changed already.

    `is_all_clean` tells that the mail's body is clean as a whole: then no part is looked into.
    """
    _Cleaner(changes, issues, is_all_clean).run()


def rename(changes: Changes, part: Part) -> None:
    """Give a multipart another boundary. Of its parameters only that one stays."""
    renamed = f"=_{blake2b(part.boundary or b'', digest_size=16).hexdigest()}"
    part.boundary = renamed.encode()
    content_type = with_parameters(part.content_type, {"boundary": renamed})
    changes.head(part, content_type=content_type)
    for one in part.delimiters:
        line = b"--" + part.boundary + (b"--" if one.is_last else b"")
        changes.slices.append(Slice(one.start, one.end, (line,)))


class _Cleaner:
    def __init__(self, changes: Changes, issues: set[Issue], is_all_clean: bool) -> None:
        self.changes = changes
        self.raw = changes.raw
        self.issues = issues
        self.is_all_clean = is_all_clean
        self.endings: list[Slice] = []

    def run(self) -> None:
        waiting = [(self.changes.root, False)]
        while waiting:
            part, in_seal = waiting.pop()
            in_seal = in_seal or is_sealed(part)
            self._clean_header(part)
            if part.delimiters and part.children:
                self._clean_multipart(part, in_seal)
            elif part.is_leaf and part not in self.changes.bodies:
                self._clean_leaf(part, in_seal)
            waiting.extend((child, in_seal) for child in reversed(part.children))
        # Of those that end at the same place, the inner one ends first.
        self.changes.slices.extend(reversed(self.endings))

    def _clean_header(self, part: Part) -> None:
        if not part.has_blank_line:
            self.issues.add(Issue.NO_BLANK_LINE)
        if self.is_all_clean or part is self.changes.root:
            return
        if not is_sendable(self.raw, part.start, part.body):
            self.issues.add(Issue.HEADER_NOT_ASCII)
            self.changes.head(part)

    def _clean_multipart(self, part: Part, in_seal: bool) -> None:
        if part.encoding not in IDENTITY and not in_seal:
            self.issues.add(Issue.BAD_ENCODING)
            self.changes.head(part, encoding=SEVEN_BIT)
        if not _BOUNDARY.fullmatch(part.boundary or b""):
            rename(self.changes, part)
        if not part.is_closed:
            self.issues.add(Issue.NOT_CLOSED)
            ending = b"\r\n--%s--\r\n" % (part.boundary or b"")
            self.endings.append(Slice(part.end, part.end, (ending,)))

    def _clean_leaf(self, part: Part, in_seal: bool) -> None:
        if part.main_type == "multipart":
            self.issues.add(Issue.NO_PARTS)
            self.changes.head(part, content_type=charset_changed(part, "utf-8"))
        if self.is_all_clean or is_clean(self.raw, part.body, part.end):
            self._carry(part, in_seal)
        elif in_seal and is_sendable(self.raw, part.body, part.end):
            return  # only line ends are wrong: what was signed had right ones (RFC 8551, 3.1.1)
        elif part.main_type != "message" and part.encoding not in UNREADABLE:
            self.issues.add(Issue.SEAL_BROKEN if in_seal else Issue.NOT_CLEAN)
            self._encode(part)

    def _carry(self, part: Part, in_seal: bool) -> None:
        if not self.is_all_clean:
            body = memoryview(self.raw)[part.body : part.end]
            self.changes.bodies[part] = (body,)
        if part.encoding not in READABLE | UNREADABLE and not in_seal:
            self.issues.add(Issue.BAD_ENCODING)
            self.changes.head(part, encoding=SEVEN_BIT)

    def _encode(self, part: Part) -> None:
        body = memoryview(self.raw)[part.body : part.end]
        if part.encoding not in READABLE:
            self.issues.add(Issue.BAD_ENCODING)
        pieces: tuple[Octets, ...]
        if part.encoding == BASE64:
            pieces = tuple(rewrapped(body))
        elif part.encoding == QUOTED_PRINTABLE:
            pieces = tuple(as_base64(decodestring(bytes(body))))
        else:
            pieces = tuple(as_base64(body))
        self.changes.bodies[part] = pieces
        self.changes.head(part, encoding=BASE64)
