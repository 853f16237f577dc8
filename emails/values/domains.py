"""Domains in ASCII and in other scripts: IDNA 2008, after the mapping of UTS 46. Pure.

Python's own codec follows IDNA 2003, which reads `straße` as `strasse`: another domain, and perhaps
somebody else's. Registries and browsers have long used IDNA 2008.
https://www.rfc-editor.org/rfc/rfc5891, https://www.unicode.org/reports/tr46/
"""

import idna

_MAX_CHARACTERS = 253


def to_ascii(domain: str) -> str | None:
    """Return a domain as it stands in DNS, in lower case. None: DNS can have no such name.

    An ASCII name is not checked against IDNA: some hosts have underscores.
    """
    if domain.isascii():
        return domain.lower()
    if len(domain) > _MAX_CHARACTERS:
        return None
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        return None


def to_unicode(domain: str) -> str | None:
    """Return a domain as people read it. None: it isn't valid."""
    if len(domain) > _MAX_CHARACTERS:
        return None
    try:
        return idna.decode(domain, uts46=True)
    except UnicodeError:
        return None
