"""Who wrote a mail, and whether that is proven: a forged `From` must not speak for anybody."""

import re
from collections.abc import Iterator

from emails.rules.addresses import Address, domain_of, only_address_in, parse
from emails.values.facts import MailFacts, Verdict

_AUTHSERV_ID = "amazonses.com"
_MAX_HEADER = 10_000
"""No honest authentication result is longer."""

# In the results these hold what the sender wrote: `"a; dkim=pass header.d=b"@sender.example`.
_QUOTED_OR_COMMENT = re.compile(
    r'"[^"\\]*+(?:\\(?:.|\Z)[^"\\]*+)*(?:"|\Z)|\([^()\\]*+(?:\\(?:.|\Z)[^()\\]*+)*(?:\)|\Z)',
    re.DOTALL,
)


def sender_of(mail: MailFacts) -> Address | None:
    """Give the one address in `From`. None: there is none, several, or nothing readable."""
    values = mail.values("from")
    return only_address_in(values[0]) if len(values) == 1 else None


def is_authenticated(mail: MailFacts, sender: Address) -> bool:
    """Tell whether the mail surely comes from the sender's domain.

    DMARC decides, for the domain that SES says it took from the mail: in a malformed mail it may
    have read another sender than we have. For a domain that publishes no policy (GRAY), SPF or DKIM
    must have passed *for that domain*: a pass for a domain of the forger's own proves nothing.
    """
    verdicts = mail.verdicts
    if verdicts.dmarc is not Verdict.GRAY:
        judged = _domains(mail, "dmarc=pass", ("header.from=",))
        return verdicts.dmarc is Verdict.PASS and all(
            _is_aligned(domain, sender.domain) for domain in judged
        )
    if verdicts.spf is Verdict.PASS:
        envelope = parse(mail.source.strip().strip("<>"))
        if envelope and _is_aligned(envelope.domain, sender.domain):
            return True
    signed = _domains(mail, "dkim=pass", ("header.d=", "header.i="))
    return verdicts.dkim is Verdict.PASS and any(
        _is_aligned(domain, sender.domain) for domain in signed
    )


def _domains(mail: MailFacts, result: str, properties: tuple[str, ...]) -> Iterator[str]:
    """List the domains that a result of SES's is about.

    SES puts its own results on top; those below are the sender's to write (RFC 8601, 5).
    """
    topmost = next(iter(mail.values("authentication-results")), "")[:_MAX_HEADER].lower()
    authserv_id, *results = _QUOTED_OR_COMMENT.sub(" ", topmost).split(";")
    if authserv_id.strip() != _AUTHSERV_ID:
        return
    for words in map(str.split, results):
        if words[:1] == [result] and (domain := _first_domain(words, properties)):
            yield domain


def _first_domain(words: list[str], properties: tuple[str, ...]) -> str | None:
    """Read the first of the properties, `<domain>` or `<user>@<domain>`; the user is the signer's.

    Only the first: what stands behind it may have been put there by way of the user's name.
    """
    named = (word for word in words if word.startswith(properties))
    return domain_of(next(named, "").partition("=")[2].rpartition("@")[2])


def _is_aligned(proven: str, claimed: str) -> bool:
    """Tell whether the proven domain may speak for the claimed one: itself, or a parent of it.

    A child may not: below some domains (`github.io`) anybody can have one.
    """
    return proven == claimed or ("." in proven and claimed.endswith(f".{proven}"))
