"""Writes the header fields of a reply's parts: only what is needed, without the owner's address."""

from emails.mime.address_fields import ADDRESS_FIELDS, written_addresses
from emails.mime.assemble import CONTENT_FIELDS, WITH_PARAMETERS, write_field, write_parameters
from emails.mime.blocked_names import blocked_in, renamed
from emails.mime.content_ids import ContentIds
from emails.mime.fields import decoded, encoded, without_quoted_pairs, written
from emails.mime.header_block import Field, unfolded
from emails.mime.hide_owner import Replacer
from emails.mime.parameters import has_rivals, is_read_whole, readable_parameters

_KEPT = frozenset({"cc", "date", "from", "mime-version", "reply-to", "sender", "subject", "to"})
"""Headers kept on attached mails, besides Content-*. The Message-ID is dropped: in a mail that we
forwarded it is a secret, by which we find the thread of a reply."""

_OF_CONTENT = frozenset(CONTENT_FIELDS) - {"content-base", "content-location"}
"""Without those that say where the owner's mail program took the part from."""


class FieldWriter:
    """Writes the fields of a part that are kept, without the owner's address; drops the others.

    `has_renamed`: so far, a name was changed that SES would have refused.
    """

    def __init__(self, hide: Replacer, ids: ContentIds) -> None:
        self._hide = hide
        self._ids = ids
        self.has_renamed = False

    def __call__(self, raw: bytes, original: Field) -> bytes:
        if original.name not in _KEPT | _OF_CONTENT:
            return b""
        value, name = unfolded(original.value), original.name.title()
        if original.name == "content-id":
            return written(name, self._ids.renamed(value.decode("utf-8", "replace")))
        if original.name in WITH_PARAMETERS:
            return self._with_parameters(raw, original, value)
        text = decoded(value)
        hidden_text = self._hide(text)
        if hidden_text == text and is_read_whole(value):
            return write_field(raw, original)
        if original.name in ADDRESS_FIELDS:
            addresses = written_addresses(value, self._hide)
            shown = decoded(addresses.replace("\r\n", "").encode())
            if self._hide(shown) == shown:
                return written(name, addresses)
        return written(name, encoded(hidden_text, first_line=len(name) + 2))

    def _with_parameters(self, raw: bytes, original: Field, value: bytes) -> bytes:
        given = readable_parameters(value)
        hidden = {self._hide(key): self._hide(text) for key, text in given.items()}
        if "start" in hidden:
            hidden["start"] = self._ids.renamed(given["start"])
        if hidden == given and self._may_be_copied(value) and not blocked_in(value):
            return write_field(raw, original)
        self.has_renamed = self.has_renamed or renamed(hidden) != hidden
        return write_parameters(original.name.title(), self._hidden(value), renamed(hidden))

    def _may_be_copied(self, value: bytes) -> bool:
        """Return whether nothing in the value reveals the owner, even what we didn't read.

        Of two parameters with the same name, we read one, and the other may be encoded.
        """
        if has_rivals(value) or not is_read_whole(value):
            return False
        forms = (value, without_quoted_pairs(value))
        return all(self._hidden(one) == one for one in forms)

    def _hidden(self, value: bytes) -> bytes:
        return self._hide(value.decode("latin-1")).encode("latin-1", "replace")
