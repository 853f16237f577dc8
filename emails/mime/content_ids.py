"""Gives the parts of a reply new content ids: mail programs make them from the writer's domain.

As in Thunderbird's `cid:part1.AbC.Def@owner.example`. Whatever refers to a part gets its new id:
links in HTML, Outlook's `[cid:image001.png@01DB…]` in text, and a multipart's `start`.

The ids of mails that a text quotes, as in Thunderbird's `cite="mid:…"`, are left out: that of a
mail that we forwarded is a secret, by which we find the thread of a reply.
"""

import html
import re
from collections.abc import Iterable
from hashlib import blake2b

from emails.mime.structure import Part, walk
from emails.mime.windows import replace_all

_REFERENCE = re.compile(r"\bcid:([^\s\"'<>()\[\]{}]{1,900})", re.IGNORECASE)
_ENTITY_END = re.compile(r"&(?:quot|gt|lt|apos|#39|#34);.*", re.DOTALL)
_MESSAGE_ID = re.compile(
    r"(\bmid:)[^\s\"'<>()]{1,900}"
    r"|(?<![0-9A-Za-z-])[0-9A-Za-z-]{10,80}(?:@|%40)(?:[a-z0-9-]{1,30}\.)?amazonses\.com",
    re.IGNORECASE,
)
_OF_MESSAGE_IDS = ("mid:", "amazonses")
_LONGEST = 1_000
_PERCENT = re.compile(r"%([2-7][0-9A-Fa-f])")
_BLANKS = " \t"
_ANGLES = re.compile(r"<?([^<>]*)>?")


class ContentIds:
    """The old ids of a mail's parts, and the new ones.

    The new ones are unique, since they are made from a header with the mail's own id.
    """

    def __init__(self, raw: bytes, mail: Part, mask: str, private_domains: Iterable[str]) -> None:
        self._seed = blake2b(raw[: mail.body], digest_size=12).hexdigest()
        self._domain = mask.rpartition("@")[2]
        self._private = tuple(filter(None, map(str.lower, private_domains)))
        self._new: dict[str, str] = {}
        for part in walk(mail):
            for value in part.values("content-id"):
                self._add(_bare(value.decode("utf-8", "replace")))

    def renamed(self, value: str) -> str:
        """Return the new id, in angle brackets, of a field or parameter that holds an old one."""
        return f"<{self._add(_bare(value))}>"

    def in_text(self, text: str) -> str:
        """Replace references to the parts, those that name the owner's domain, and message ids."""
        lowered = text.lower()
        if any(one in lowered for one in _OF_MESSAGE_IDS):
            text = replace_all(_MESSAGE_ID, self._unknown, text, _LONGEST)
        return (
            replace_all(_REFERENCE, self._reference, text, _LONGEST) if "cid:" in lowered else text
        )

    def is_private(self, name: str) -> bool:
        """Return whether an id, or a boundary made like one, names the owner's domain."""
        return any(domain in name.lower() for domain in self._private)

    def _unknown(self, found: re.Match[str]) -> str:
        return f"{found[1] or ''}unknown@{self._domain}"

    def _reference(self, found: re.Match[str]) -> str:
        written = _ENTITY_END.sub("", found[1])
        rest = found[1][len(written) :]
        old = _PERCENT.sub(lambda octet: chr(int(octet[1], 16)), html.unescape(written))
        if old in self._new or self.is_private(old):
            return f"cid:{self._add(old)}{rest}"
        return found[0]

    def _add(self, old: str) -> str:
        return self._new.setdefault(old, f"part{len(self._new) + 1}.{self._seed}@{self._domain}")


def _bare(value: str) -> str:
    found = _ANGLES.search(value.strip(_BLANKS))
    return found[1].strip(_BLANKS) if found else ""
