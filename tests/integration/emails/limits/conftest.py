"""Mail that reaches limits, and what becomes of it."""

from datetime import timedelta
from typing import Any

from emails.store import held_releases
from emails.values.facts import Volume
from emails.values.outcomes import Forwarded, ForwardReason, Held, HeldReason
from tests.integration.emails.conftest import Relay

MASK = "x7k2@masks.example"
MIB = 1024 * 1024
FORWARDED = Forwarded(ForwardReason.EXISTING_MASK)
BORN = Forwarded(ForwardReason.NEW_MASK)
OF_MASK, OF_SENDER = Held(HeldReason.MASK_LIMIT), Held(HeldReason.SENDER_LIMIT)
NO_NEW = Held(HeldReason.NEW_MASK_LIMIT)


def from_(domain: str, *, is_proven: bool = True) -> dict[str, Any]:
    """What SES says about a mail of this domain."""
    result = "pass" if is_proven else "fail"
    found = f"amazonses.com; dmarc={result} header.from={domain}"
    headers = {"Authentication-Results": found, "From": f"Bob <bob@{domain}>"}
    return {"headers": headers, "dmarc": result.upper(), "source": f"bob@{domain}"}


def limit(relay: Relay, mask: int = 1000, sender: int = 1000, size: int = 1000 * MIB) -> None:
    relay.with_policy(mask_limit=Volume(mask, size), sender_limit=Volume(sender, size))


def arrive(relay: Relay, domain: str = "bank.example", to: str = MASK, **more: Any) -> object:
    return relay.arrive(to, **(from_(domain) | more))[0]


def flood(relay: Relay, number: int, **more: Any) -> list[object]:
    return [arrive(relay, **more) for _ in range(number)]


def tomorrow(relay: Relay) -> None:
    """Go on to the next day: what was held for limits is released, and comes through the lanes."""
    relay.pass_time(timedelta(days=1))
    held_releases.release_after_limits(relay.now)
    relay.release_held()
