"""Which unknown certificates are looked for, when forgers may have invented most of their names.

A forger can name any number of files on SNS's host, and each costs a try. So a host's tries are
few; and who has none left is counted: when there is room again, the name that most messages bear
goes first. SNS signs everything with its new certificate, and a name that was tried in vain is out
for a minute: a forger must write more messages than SNS does, for each try that is lost to him.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MAX_FAILURES = 4
FAILURE_AGE = timedelta(minutes=1)
"""How many unavailable files of a host are tried, and how long that is remembered. No message is
verified during a try."""

MAX_REFUSED = 256
"""How many refused names are counted. The rarest are forgotten first."""


@dataclass(slots=True)
class _Refused:
    times: int
    seen: datetime


@dataclass(slots=True)
class _Host:
    failed_until: dict[str, datetime] = field(default_factory=dict)
    refused: dict[str, _Refused] = field(default_factory=dict)


class Tries:
    """The tries of each host. Not safe for several threads: the caller holds a lock."""

    def __init__(self) -> None:
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)

    def may_try(self, host: str, name: str, now: datetime) -> bool:
        """Return whether an unknown file may be looked for now; counts the refusal if not."""
        tries = self._hosts[host]
        tries.failed_until = {n: until for n, until in tries.failed_until.items() if now < until}
        tries.refused = {n: r for n, r in tries.refused.items() if now < r.seen + FAILURE_AGE}
        own = tries.refused.get(name)
        most = max((refused.times for refused in tries.refused.values()), default=0)
        if len(tries.failed_until) < MAX_FAILURES and (own.times if own else 0) >= most:
            tries.refused.pop(name, None)
            return True
        if own is None and len(tries.refused) >= MAX_REFUSED:
            del tries.refused[min(tries.refused, key=lambda n: tries.refused[n].times)]
        tries.refused[name] = _Refused((own.times if own else 0) + 1, now)
        return False

    def failed(self, host: str, name: str, until: datetime) -> None:
        """Note that a host doesn't have this file."""
        self._hosts[host].failed_until[name] = until
