"""A mail's sender, and whether SES authenticated it: anybody can forge a `From`."""

import re
from dataclasses import dataclass

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
"""Characters of `Authentication-Results`; real ones are shorter. Longer ones are not read."""

_BEFORE_RESULTS = ("spf=", "helo=", "dkim=")

_UNDECIDED = frozenset({Verdict.GRAY, Verdict.PROCESSING_FAILED})

_RESULT = re.compile(
    r"(?P<method>dkim|dmarc)=(?P<result>[a-z]+)"
    r"(?:\s+header\.(?:i=[^\s\"()@]*@|d=|from=)(?P<domain>[^\s\"()@=]*))?"
    r"(?:\s+[a-z.]+=[^\s\"()@]*)*"
)
"""A result as SES writes it. The user in `header.i` is the signer's to choose: one with blanks,
quotes or comments, which could hold text like another property, makes the result unreadable."""


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

    A verdict alone proves nothing: at least one result must name this domain, and be readable.
    DMARC's decides if it can be read: in a malformed mail SES may have judged another sender than
    the one we read. If it can't be read, or the domain publishes no policy (GRAY), or SES could not
    find out (PROCESSING_FAILED), SPF or DKIM must have passed *for that domain*: a pass for the
    forger's own domain proves nothing, either.
    """
    verdicts = mail.verdicts
    if verdicts.dmarc is Verdict.PASS:
        judged = next((found for found in _results(mail) if found.method == "dmarc"), None)
        if judged is not None:
            return judged.is_pass and _is_aligned(judged.domain, sender.domain)
    elif verdicts.dmarc not in _UNDECIDED:
        return False
    if verdicts.spf is Verdict.PASS:
        envelope = parse(mail.source.strip().strip("<>"))
        if envelope and _is_aligned(envelope.domain, sender.domain):
            return True
    return verdicts.dkim is Verdict.PASS and any(
        _is_aligned(domain, sender.domain) for domain in signing_domains(mail)
    )


def signing_domains(mail: MailFacts) -> tuple[str, ...]:
    """Return the domains whose DKIM signatures SES found to be valid, each once."""
    signed = [found.domain for found in _results(mail) if found.method == "dkim" and found.is_pass]
    return tuple(dict.fromkeys(domain for domain in reversed(signed) if domain))


def authenticated_domain(mail: MailFacts) -> str | None:
    """Return the domain that a mail provably comes from. None: its sender may be forged."""
    sender = sender_of(mail)
    return sender.domain if sender and is_authenticated(mail, sender) else None


@dataclass(frozen=True, slots=True)
class _Result:
    """What SES reports of one check. `domain` is the one it checked; "" if it names none."""

    method: str
    is_pass: bool
    domain: str


def _results(mail: MailFacts) -> list[_Result]:
    """Return SES's results for DKIM and DMARC, the last one first.

    Only the topmost header is SES's; the sender may have written those below (RFC 8601, 5). SES
    writes it as `amazonses.com; spf=…; envelope-from=…; helo=…; dkim=…; dmarc=…`. What is before
    the results we want is the sender's to choose, and may open a quote or a comment that seems to
    swallow them. So we read from the end, up to the first piece that is no such result.
    """
    topmost = next(iter(mail.values("authentication-results")), "").lower()
    authserv_id, *pieces = topmost.strip("; \t\r\n").split(";")
    if authserv_id.strip() != _AUTHSERV_ID or len(topmost) > _MAX_HEADER:
        return []
    found: list[_Result] = []
    for piece in map(str.strip, reversed(pieces)):
        result = _RESULT.fullmatch(piece)
        if result is None:
            # After anything else, what we read may be the rest of a sender's text.
            return found if piece.startswith(_BEFORE_RESULTS) else []
        domain = domain_of(result["domain"] or "") or ""
        found.append(_Result(result["method"], result["result"] == "pass", domain))
    return found


def _is_aligned(proven: str, claimed: str) -> bool:
    """Return whether the proven domain is the claimed one, or a parent of it.

    A subdomain proves nothing: below some domains (`github.io`) anybody can have one.
    """
    return proven == claimed or ("." in proven and claimed.endswith(f".{proven}"))
