"""Who wrote a mail, and whether that is proven: a forged `From` must not speak for anybody."""

from email.utils import getaddresses

from emails.facts import MailFacts, Verdict
from emails.rules.addresses import Address, domain_of, parse

_AUTHSERV_ID = "amazonses.com"
_MAX_HEADER = 10_000
"""No honest `From` or authentication result is longer."""


def sender_of(mail: MailFacts) -> Address | None:
    """Give the one address in `From`. None: there is none, several, or nothing readable."""
    values = mail.values("from")
    if len(values) != 1 or len(values[0]) > _MAX_HEADER:
        return None
    written = getaddresses(list(values))
    return parse(written[0][1]) if len(written) == 1 else None


def is_authenticated(mail: MailFacts, sender: Address) -> bool:
    """Tell whether the mail surely comes from the sender's domain.

    DMARC decides. For a domain that publishes no policy (GRAY), SPF or DKIM must have passed *for
    that domain*: a pass for a domain of the forger's own proves nothing.
    """
    verdicts = mail.verdicts
    if verdicts.dmarc is not Verdict.GRAY:
        return verdicts.dmarc is Verdict.PASS
    if verdicts.spf is Verdict.PASS:
        envelope = parse(mail.source.strip().strip("<>"))
        if envelope and _is_aligned(envelope.domain, sender.domain):
            return True
    return verdicts.dkim is Verdict.PASS and any(
        _is_aligned(domain, sender.domain) for domain in _signing_domains(mail)
    )


def _signing_domains(mail: MailFacts) -> list[str]:
    """List the domains whose signatures SES found good.

    SES puts its own result on top; the results below are the sender's to write (RFC 8601, 5).
    """
    topmost = next(iter(mail.values("authentication-results")), "")[:_MAX_HEADER].lower()
    authserv_id, *results = topmost.split(";")
    if authserv_id.strip() != _AUTHSERV_ID:
        return []
    passed = (result.split() for result in results if result.strip().startswith("dkim=pass "))
    return [domain for words in passed if (domain := _signing_domain(words))]


def _signing_domain(words: list[str]) -> str | None:
    """Read the first `header.d=<domain>` or `header.i=<user>@<domain>`; the user is the signer's.

    Only the first: what stands behind it may have been put there by way of the user's name.
    """
    named = (word for word in words if word.startswith(("header.d=", "header.i=")))
    return domain_of(next(named, "").partition("=")[2].rpartition("@")[2])


def _is_aligned(proven: str, claimed: str) -> bool:
    """Tell whether the proven domain may speak for the claimed one: itself, or a parent of it.

    A child may not: below some domains (`github.io`) anybody can have one.
    """
    return proven == claimed or ("." in proven and claimed.endswith(f".{proven}"))
