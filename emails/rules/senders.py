"""A mail's sender, and whether SES authenticated it: anybody can forge a `From`."""

import re
from collections.abc import Iterator

from emails.rules.addresses import (
    Address,
    addresses_in,
    domain_of,
    only_address_in,
    parse,
)
from emails.values.facts import MailFacts, Verdict

_AUTHSERV_ID = "amazonses.com"
_MAX_AUTHORS = 20
_MAX_HEADER = 10_000
"""Characters of `Authentication-Results` that are read; real ones are shorter."""

_UNDECIDED = frozenset({Verdict.GRAY, Verdict.PROCESSING_FAILED})

# Removed from the results, since senders control their content, as in
# `"a; dkim=pass header.d=b"@sender.example`.
_QUOTED_OR_COMMENT = re.compile(
    r'"[^"\\]*+(?:\\(?:.|\Z)[^"\\]*+)*(?:"|\Z)|\([^()\\]*+(?:\\(?:.|\Z)[^()\\]*+)*(?:\)|\Z)',
    re.DOTALL,
)


def sender_of(mail: MailFacts) -> Address | None:
    """Return the only address in `From`. None: missing, several, or unreadable."""
    values = mail.values("from")
    return only_address_in(values[0]) if len(values) == 1 else None


def authors_of(mail: MailFacts) -> tuple[Address, ...]:
    """Return all addresses in `From`, however malformed: the first `_MAX_AUTHORS`."""
    found = (parse(text) for value in mail.values("from") for text in addresses_in(value))
    return tuple(dict.fromkeys(one for one in found if one is not None))[:_MAX_AUTHORS]


def is_authenticated(mail: MailFacts, sender: Address) -> bool:
    """Return whether the mail provably comes from the sender's domain.

    DMARC decides, provided that SES evaluated this domain: in a malformed mail it may have read
    another sender than we did. If the domain publishes no policy (GRAY), or SES could not find out
    (PROCESSING_FAILED), SPF or DKIM must have passed *for that domain*: a pass for the forger's own
    domain proves nothing.
    """
    verdicts = mail.verdicts
    if verdicts.dmarc not in _UNDECIDED:
        evaluated = _domains(mail, "dmarc=pass", ("header.from=",))
        return verdicts.dmarc is Verdict.PASS and all(
            _is_aligned(domain, sender.domain) for domain in evaluated
        )
    if verdicts.spf is Verdict.PASS:
        envelope = parse(mail.source.strip().strip("<>"))
        if envelope and _is_aligned(envelope.domain, sender.domain):
            return True
    return verdicts.dkim is Verdict.PASS and any(
        _is_aligned(domain, sender.domain) for domain in signing_domains(mail)
    )


def signing_domains(mail: MailFacts) -> tuple[str, ...]:
    """Return the domains whose DKIM signatures SES found to be valid, each once."""
    return tuple(dict.fromkeys(_domains(mail, "dkim=pass", ("header.d=", "header.i="))))


def authenticated_domain(mail: MailFacts) -> str | None:
    """Return the domain that a mail provably comes from. None: its sender may be forged."""
    sender = sender_of(mail)
    return sender.domain if sender and is_authenticated(mail, sender) else None


def _domains(mail: MailFacts, result: str, properties: tuple[str, ...]) -> Iterator[str]:
    """Return the domains for which SES reports `result`, such as `dkim=pass`.

    Only the topmost header is SES's; the sender may have written those below (RFC 8601, 5).
    """
    topmost = next(iter(mail.values("authentication-results")), "")[:_MAX_HEADER].lower()
    authserv_id, *results = _QUOTED_OR_COMMENT.sub(" ", topmost).split(";")
    if authserv_id.strip() != _AUTHSERV_ID:
        return
    for words in map(str.split, results):
        if words[:1] == [result] and (domain := _first_domain(words, properties)):
            yield domain


def _first_domain(words: list[str], properties: tuple[str, ...]) -> str | None:
    """Return the domain in the first of the properties: `<domain>` or `<user>@<domain>`.

    Only the first, and what follows the last `@`: the signer chooses `<user>`, which may contain
    blanks, and text like an address or another property.
    """
    first = next((at for at, word in enumerate(words) if word.startswith(properties)), None)
    if first is None:
        return None
    value = " ".join(words[first:]).partition("=")[2]
    return domain_of(value.rpartition("@")[2].partition(" ")[0])


def _is_aligned(proven: str, claimed: str) -> bool:
    """Return whether the proven domain is the claimed one, or a parent of it.

    A subdomain proves nothing: below some domains (`github.io`) anybody can have one.
    """
    return proven == claimed or ("." in proven and claimed.endswith(f".{proven}"))
