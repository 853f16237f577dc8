"""Drives the mailbox breakers: sends what is due as a probe, closes them, and releases their mail.

Every step is one statement or transaction, and what it leaves is found by the next run. So a killed
job costs a minute: a probe that was chosen is released by `releasing`; mail whose breaker is closed
is released here, however the breaker was closed.
"""

from typing import assert_never

from emails.edges import events
from emails.rules import mailbox_breaker as rules
from emails.rules.mailbox_breaker import CloseReason
from emails.store import held, mailbox_breakers
from emails.values.mailboxes import DueBreaker
from emails.values.outcomes import HeldReason

BATCH = 500
"""How many breakers, and how many owners, one run deals with."""


def drive() -> None:
    """Do what is due for each breaker. Raises `NotFinished` if the database is unavailable."""
    for due in mailbox_breakers.find_due(BATCH):
        _act(due)
    for owner in mailbox_breakers.find_owners_to_release(BATCH):
        held.release_all(owner, HeldReason.MAILBOX)


def _act(due: DueBreaker) -> None:
    action = rules.next_action(due.breaker)
    match action:
        case rules.Close(reason):
            if mailbox_breakers.close(due):
                events.mailbox_breaker_changed("closed", reason)
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
    """Close breakers on an operator's word, release their mail, and return how many were open."""
    owners = mailbox_breakers.close_by_hand(ids)
    for owner in owners:
        events.mailbox_breaker_changed("closed", CloseReason.OPERATOR)
        held.release_all(owner, HeldReason.MAILBOX)
    return len(owners)
