"""Says in a field of a forwarded mail what SES found out about its author (RFC 8601). Pure.

The owner's server can check only us: it sees our address and our signature. Others' fields of this
name are not forwarded, since anybody can write one.
"""

import re
from collections.abc import Iterator

from emails.rules.addresses import domain_of, parse
from emails.rules.senders import sender_of, signing_domains
from emails.values.facts import MailFacts, Verdict

_WORDS = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.GRAY: "none",
    Verdict.PROCESSING_FAILED: "temperror",
}
"""RFC 8601, 2.7. What SES did not check is left out."""

_MAX_SIGNERS = 5
_TOKEN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?")


def authentication_results(mail: MailFacts, server: str) -> tuple[str, ...]:
    """Return the pieces of the value, to be joined by `; `. `server` is a domain of ours."""
    return (domain_of(server) or server, *(tuple(_results(mail)) or ("none",)))


def _results(mail: MailFacts) -> Iterator[str]:
    verdicts = mail.verdicts
    author, envelope = sender_of(mail), parse(mail.source.strip().strip("<>"))
    if word := _WORDS.get(verdicts.dmarc):
        yield f"dmarc={word}{_property('header.from', author.domain if author else None)}"
    if word := _WORDS.get(verdicts.spf):
        yield f"spf={word}{_property('smtp.mailfrom', envelope.domain if envelope else None)}"
    if word := _WORDS.get(verdicts.dkim):
        signers = signing_domains(mail)[:_MAX_SIGNERS] if verdicts.dkim is Verdict.PASS else ()
        for signer in signers or (None,):
            yield f"dkim={word}{_property('header.d', signer)}"


def _property(name: str, domain: str | None) -> str:
    return f" {name}={domain}" if domain and _TOKEN.fullmatch(domain) else ""
