"""Drives the mailbox breakers: sends what is due as a probe, closes them, and releases their mail.

Every step is one statement or transaction, and what it leaves is found by the next run. So a killed
job costs a minute: a probe that was chosen is released by `releasing`; mail whose breaker is closed
is released here, however the breaker was closed.
"""

from datetime import datetime
from typing import assert_never

from emails.edges import events
from emails.flow.context import Context, Ports
from emails.flow.notices import Due, tell
from emails.rules import mailbox_breaker as rules
from emails.rules.mailbox_breaker import CloseReason
from emails.store import held, lookups, mailbox_breakers
from emails.values.mailboxes import DueBreaker
from emails.values.notices import Notice, NoticeKind
from emails.values.outcomes import HeldReason

BATCH = 500
"""How many breakers, and how many owners, one run deals with."""


def drive(ports: Ports, now: datetime) -> None:
    """Do what is due for each breaker. Raises `NotFinished` if the database is unavailable."""
    for due in mailbox_breakers.find_due(BATCH):
        _act(ports, due, now)
    for owner in mailbox_breakers.find_owners_to_release(BATCH):
        _tell(ports, owner, now)
        held.release_all(owner, HeldReason.MAILBOX)


def _tell(ports: Ports, owner_id: int, now: datetime) -> None:
    """Tell the owner that their mailbox takes mail again. That it did not could not be told."""

    def find_due() -> Due | None:
        owner = lookups.find_owner_by_id(owner_id)
        return Due(Notice(NoticeKind.MAILBOX_BACK), owner) if owner else None

    tell(Context(ports, f"mailbox-{owner_id}", now), now, find_due, may_wait=False)


def _act(ports: Ports, due: DueBreaker, now: datetime) -> None:
    action = rules.next_action(due.breaker)
    match action:
        case rules.Close(reason):
            if mailbox_breakers.close(due):
                events.mailbox_breaker_changed("closed", reason)
                _tell(ports, due.breaker.owner_id, now)
        case rules.SendProbe():
            if mailbox_breakers.send_probe(due):
                events.mailbox_breaker_changed("probed", "due")
        case rules.StartWaiting():
            mailbox_breakers.start_waiting(due)
        case rules.ForgetProbe():
            mailbox_breakers.forget_probe(due)
        case rules.Wait():
            pass
        case _:
            assert_never(action)


def close_by_hand(ids: list[int]) -> int:
    """Close breakers on an operator's word, and return how many were open.

    The next run releases their mail, and tells their owners.
    """
    number = mailbox_breakers.close_by_hand(ids)
    for _ in range(number):
        events.mailbox_breaker_changed("closed", CloseReason.OPERATOR)
    return number
