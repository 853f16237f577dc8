"""Whether `manage.py trace` tells what the accounting found, from any id of a mail."""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tests.chaos.world import World
from tests.lab.accounts import Account

MOST, _ONE_OF = 100, 8
"""For how many mails to ask: of a short run, for fewer."""
_AT_ONCE = 100
"""How many ids one command is asked for."""

_IDS = (
    "SELECT sns_message_id, array_remove(array[mail_id, sent_as], NULL) FROM emails_delivery"
    " WHERE purpose = 'received'"
)

Story = Mapping[str, Any]


def wrong_stories(world: World, accounts: Sequence[Account], seed: int) -> list[str]:
    """Ask for random mails, by all their ids; returns what is wrong with their stories."""
    chosen = Random(seed).sample(list(accounts), min(MOST, len(accounts) // _ONE_OF))
    others: dict[str, list[str]] = dict(world.lab.execute(_IDS))
    asked = [(one, [one.name, *others.get(one.name, []), *one.receives]) for one in chosen]
    told = _tell(world, [name for _, ids in asked for name in ids])
    return [
        f"{account.name}: {problem}"
        for account, ids in asked
        for problem in problems(account, [told[one] for one in ids])
    ]


def problems(account: Account, stories: Sequence[Story]) -> list[str]:
    """Say what is wrong with a mail's stories: the first is asked for by SNS's id."""
    first, *others = stories
    found = [
        f"another story by another id: {other['ends']} instead of {first['ends']}"
        for other in others
        # What only a wiped Redis knew is said to be unknown.
        if other != first and not (other["unknown"] and not other["steps"])
    ]
    if (end := _end_of(account)) and not any(end in said for said in first["ends"]):
        found.append(f"ended as {end!r}, and it is told: {first['ends']}")
    return found


def _end_of(account: Account) -> str:
    if account.held is not None:
        return account.held.outcome.strip() or account.held.state
    if account.state == "finished":
        return account.outcome
    return "dead-lettered" if account.failures and account.is_kept else ""


def _tell(world: World, ids: Sequence[str]) -> dict[str, Story]:
    stories: dict[str, Story] = {}
    for start in range(0, len(ids), _AT_ONCE):
        batch = ids[start : start + _AT_ONCE]
        lines = world.stack.manage("trace", *batch, "--json").splitlines()
        stories |= zip(batch, map(json.loads, lines), strict=True)
    return stories
