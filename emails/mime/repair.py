"""Makes the rest of a mail fit to send: 7-bit clean parts, multiparts with closing boundaries.

Clean parts, which is nearly all of them, stay as they are. Others are encoded: their decoded octets
stay the same.
"""

import re
from dataclasses import replace
from hashlib import blake2b

from emails.mime.assemble import MailChanges, Octets, Slice, is_well_formed, type_with_charset
from emails.mime.body import is_sealed
from emails.mime.encoding import (
    BASE64,
    IDENTITY,
    QUOTED_PRINTABLE,
    READABLE,
    SEVEN_BIT,
    UNREADABLE,
    as_base64,
    decoded,
    is_clean,
    is_sendable,
    rewrapped,
    smaller,
)
from emails.mime.issues import Issue
from emails.mime.parameters import with_parameters
from emails.mime.seals import intact_content
from emails.mime.structure import Part

_BOUNDARY = re.compile(rb"[ -~]{1,200}")


def repair(
    changes: MailChanges, issues: set[Issue], *, is_all_clean: bool, saves_space: bool = False
) -> None:
    """Add changes that make all parts clean, except those with a changed body.

    `is_all_clean`: the mail's body is clean as a whole, so parts needn't be checked. `saves_space`:
    write texts in the smaller encoding, which takes longer; their line ends become CRLF.
    """
    _Repairer(changes, issues, is_all_clean, saves_space).run()


def rename_boundary(changes: MailChanges, part: Part) -> None:
    """Give a multipart another boundary, and drop its other parameters."""
    renamed = f"=_{blake2b(part.boundary or b'', digest_size=16).hexdigest()}"
    part.boundary = renamed.encode()
    content_type = with_parameters(part.content_type, {"boundary": renamed})
    changes.change_header(part, content_type=content_type)
    for one in part.delimiters:
        line = b"--" + part.boundary + (b"--" if one.is_last else b"")
        changes.slices.append(Slice(one.start, one.end, (line,)))
    part.delimiters[:] = [replace(one, is_cut=False) for one in part.delimiters]


class _Repairer:
    def __init__(
        self, changes: MailChanges, issues: set[Issue], is_all_clean: bool, saves_space: bool
    ) -> None:
        self.changes = changes
        self.raw = changes.raw
        self.issues = issues
        self.is_all_clean = is_all_clean
        self.saves_space = saves_space
        self.endings: list[Slice] = []

    def run(self) -> None:
        waiting = [(self.changes.root, False)]
        while waiting:
            part, in_seal = waiting.pop()
            # The seal doesn't cover the header of the sealed part itself.
            self._repair_header(part, in_seal)
            if part.delimiters and part.children:
                self._repair_multipart(part, in_seal)
            in_seal = in_seal or is_sealed(part)
            children = part.children[self._keep_sealed(part) :]
            if part.is_leaf and part not in self.changes.bodies:
                self._repair_leaf(part, in_seal)
            waiting.extend((child, in_seal) for child in reversed(children))
        # If several multiparts end at the same offset, the inner one is closed first.
        self.changes.slices.extend(reversed(self.endings))

    def _repair_header(self, part: Part, in_seal: bool) -> None:
        if not part.has_blank_line:
            self.issues.add(Issue.NO_BLANK_LINE)
        if not in_seal and not is_well_formed(self.raw, part):
            self.issues.add(Issue.BAD_HEADER_LINE)
            self.changes.change_header(part)
        if self.is_all_clean or part is self.changes.root:
            return
        if not is_sendable(self.raw, part.start, part.body):
            self.issues.add(Issue.HEADER_NOT_ASCII)
            self.changes.change_header(part)

    def _repair_multipart(self, part: Part, in_seal: bool) -> None:
        if part.encoding not in IDENTITY and not in_seal:
            self.issues.add(Issue.BAD_ENCODING)
            self.changes.change_header(part, encoding=SEVEN_BIT)
        for one, child in zip(part.delimiters, part.children, strict=False):
            # The second CR would be an empty line, and end the part's header.
            if self.raw.startswith(b"\r\r", one.end):
                self.changes.slices.append(Slice(one.end, child.start, (b"\r\n",)))
        if not _BOUNDARY.fullmatch(part.boundary or b""):
            rename_boundary(self.changes, part)
        elif part.delimiters[-1].is_cut:
            self.issues.add(Issue.NOT_CLOSED)
            last = part.delimiters[-1]
            closing = b"--%s--\r\n" % (part.boundary or b"")
            self.changes.slices.append(Slice(last.start, last.end, (closing,)))
        if not part.is_closed:
            self.issues.add(Issue.NOT_CLOSED)
            ending = b"\r\n--%s--\r\n" % (part.boundary or b"")
            self.endings.append(Slice(part.end, part.end, (ending,)))

    def _keep_sealed(self, part: Part) -> int:
        """Keep what a signature covers, if it holds; return how many parts these are."""
        if self.is_all_clean or (content := intact_content(self.raw, part)) is None:
            return 0
        signed = part.children[0]
        self.changes.slices.append(Slice(signed.start, signed.end, (content,)))
        return 1

    def _repair_leaf(self, part: Part, in_seal: bool) -> None:
        if part.main_type == "multipart":
            self.issues.add(Issue.NO_PARTS)
            self.changes.change_header(part, content_type=type_with_charset(part, "utf-8"))
        if self.is_all_clean or is_clean(self.raw, part.body, part.end):
            self._keep(part, in_seal)
        elif in_seal and is_sendable(self.raw, part.body, part.end):
            return  # only line ends are wrong: they were CRLF when signed (RFC 8551, 3.1.1)
        elif part.main_type != "message" and part.encoding not in UNREADABLE:
            self.issues.add(Issue.SEAL_BROKEN if in_seal else Issue.NOT_CLEAN)
            self._encode(part)

    def _keep(self, part: Part, in_seal: bool) -> None:
        if not self.is_all_clean:
            body = memoryview(self.raw)[part.body : part.end]
            self.changes.bodies[part] = (body,)
        if part.encoding not in READABLE | UNREADABLE and not in_seal:
            self.issues.add(Issue.BAD_ENCODING)
            self.changes.change_header(part, encoding=SEVEN_BIT)

    def _encode(self, part: Part) -> None:
        body = memoryview(self.raw)[part.body : part.end]
        if part.encoding not in READABLE:
            self.issues.add(Issue.BAD_ENCODING)
        pieces: tuple[Octets, ...]
        if part.encoding == BASE64:
            encoding, pieces = BASE64, tuple(rewrapped(body))
        else:
            is_readable = part.encoding == QUOTED_PRINTABLE
            encoding, pieces = self._encoded(
                part, decoded(bytes(body), QUOTED_PRINTABLE)[0] if is_readable else body
            )
        self.changes.bodies[part] = pieces
        self.changes.change_header(part, encoding=encoding)

    def _encoded(self, part: Part, data: bytes | memoryview) -> tuple[str, tuple[bytes, ...]]:
        if self.saves_space and part.main_type == "text":
            return smaller(data)
        return BASE64, tuple(as_base64(data))
