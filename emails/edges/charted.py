"""Metrics for charts: what bounces and complaints say, SES's verdicts, sizes, unknown masks.

Labels are few and known: SES's own terms, checked, and the large providers by name. No address, and
nothing that a stranger wrote, becomes a label.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import markus

from emails.rules.providers import provider_of
from emails.values.facts import CreatableMask, MailFacts, MaskLookup, MissingMask
from emails.values.notifications import Bounce, BouncedRecipient, Complaint
from runtime import tracing
from runtime.dependencies import Dependency

metrics = markus.get_metrics("emails")

_TERM = re.compile(r"[A-Za-z-]{1,30}")
_STATUS = re.compile(r"([245])\.(\d{1,2})\.\d{1,3}")
_NONE, _OTHER = "none", "other"


def bounced(bounce: Bounce, recipient: BouncedRecipient) -> None:
    """Count a bounced recipient. Of its status only class and subject: `5.1` is an address."""
    kind, subtype = _term(bounce.kind), _term(bounce.subkind)
    status, domain = _status(recipient.status), provider_of(recipient.address)
    metrics.incr(
        "bounce",
        tags=[f"type:{kind}", f"subtype:{subtype}", f"status:{status}", f"domain:{domain}"],
    )


def complained(complaint: Complaint) -> None:
    """Count a complaint."""
    metrics.incr("complaint", tags=[f"feedback:{_term(complaint.feedback)}"])


def judged(mail: MailFacts) -> None:
    """Count SES's verdicts on a mail to a mask."""
    for check in ("spam", "virus", "spf", "dkim", "dmarc"):
        verdict = str(getattr(mail.verdicts, check)).lower()
        metrics.incr("verdict", tags=[f"check:{check}", f"verdict:{verdict}"])


def no_mask(found: MaskLookup, *, has_name: bool) -> None:
    """Count a mail to no mask: to an unknown mask, under no owner's name, or to a deleted mask."""
    if isinstance(found, MissingMask | CreatableMask) and found.was_deleted:
        kind = "deleted"
    elif isinstance(found, MissingMask):
        kind = "unknown_owner" if has_name else "unknown_mask"
    else:
        kind = "not_creatable"
    metrics.incr("nomask", tags=[f"kind:{kind}"])


def sized(direction: str, size: int) -> None:
    """Record a mail's size in bytes, as it was `received` or `sent`."""
    metrics.histogram("size", size, tags=[f"direction:{direction}"])


@contextmanager
def timed(dependency: Dependency) -> Iterator[None]:
    """Record how long a call of S3 or SES takes, also one that fails."""
    started = perf_counter()
    try:
        with tracing.child(f"call {dependency}"):
            yield
    finally:
        milliseconds = (perf_counter() - started) * 1000
        metrics.timing("call", milliseconds, tags=[f"dependency:{dependency}"])


def _term(text: str) -> str:
    """Return one of SES's terms in lower case; anything else is `other`."""
    if not text:
        return _NONE
    return text.lower() if _TERM.fullmatch(text) else _OTHER


def _status(text: str) -> str:
    found = _STATUS.fullmatch(text.strip())
    return f"{found[1]}.{found[2]}" if found else _NONE
