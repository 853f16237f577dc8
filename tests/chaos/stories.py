"""Whether `manage.py trace` tells what the accounting found, from any id of a mail."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from runtime.trace_header import trace_id_from
from tests.chaos.world import World
from tests.collector import Seen
from tests.lab.accounts import Account

MOST, _ONE_OF = 100, 8
"""For how many mails to ask: of a short run, for fewer."""
_AT_ONCE = 100
"""How many ids one command is asked for."""

_ROWS = """
SELECT sns_message_id, mail_id, sent_as, sqs_message_id, mask, created_at FROM emails_delivery
WHERE purpose = 'received'
"""
_BY_MASK = """
import io, json
from django.core.management import call_command
for mask, at in %r:
    told = io.StringIO()
    call_command("trace", mask, "--at", at, "--within", "2s", "--json", stdout=told)
    print(json.dumps(told.getvalue()))
"""

Story = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What to ask for a mail by, of each kind, with what must be told of it from anywhere."""

    ids: Sequence[tuple[str, str]]
    """Kind and id; the first is SNS's."""
    kept: frozenset[str] = frozenset()
    """Those that the database has, whatever became of Redis."""
    mask_at: tuple[str, str] | None = None
    """The mask, and when its delivery was claimed; None if no attempt came so far."""


@dataclass(slots=True)
class Stories:
    """How many stories were asked for, by kind of id, and what is wrong with them."""

    asked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def ask_for_stories(world: World, accounts: Sequence[Account], seed: int) -> Stories:
    """Ask for random mails, by each id of them, and by mask and time."""
    number = min(MOST, len(accounts) // _ONE_OF)
    chosen = Random(seed).sample(list(accounts), number)
    rows = {str(row[0]): row for row in world.lab.execute(_ROWS)}
    asked = {one.name: _of(one, rows.get(one.name)) for one in chosen}
    told = _tell(world, [name for one in asked.values() for _, name in one.ids])
    by_mask = _find(world, {name: one.mask_at for name, one in asked.items() if one.mask_at})
    stories = Stories()
    for account in chosen:
        one = asked[account.name]
        stories.asked.update(kind for kind, _ in one.ids)
        wrong = problems(account, one, [told[name] for _, name in one.ids])
        if account.name in by_mask:
            stories.asked["mask and time"] += 1
            if account.name not in by_mask[account.name]:
                wrong.append(f"not found by {one.mask_at}")
        stories.wrong += [f"{account.name}: {problem}" for problem in wrong]
    return stories


def problems(account: Account, asked: Asked, stories: Sequence[Story]) -> list[str]:
    """Say what is wrong with a mail's stories."""
    first, *others = stories
    found = [
        f"another story by another id: {other['ends']} instead of {first['ends']}"
        for other in others
        # What only a wiped Redis knew is said to be unknown.
        if other != first and not (other["unknown"] and not other["steps"])
    ]
    # Redis may have lost the rest, and then it is said that something is unknown.
    wanted = asked.kept if first["unknown"] else asked.kept | {name for _, name in asked.ids}
    if missing := sorted(wanted - _ids_in(first)):
        found.append(f"without the ids {missing}")
    # Of a message that no attempt claimed, the database knows nothing.
    is_lost = first["unknown"] and not first["steps"] and not asked.kept
    end = "" if is_lost else _end_of(account)
    if end and not any(end in said for said in first["ends"]):
        found.append(f"ended as {end!r}, and it is told: {first['ends']}")
    return found


def torn_traces(spans: Sequence[Seen]) -> list[str]:
    """Say which spans are in another trace than their mail, or than the span above."""
    above = {one.span_id: one for one in spans}
    torn = []
    for one in spans:
        mail = one.attributes.get("sns_message_id")
        own = trace_id_from(str(mail)) if mail else one.trace_id
        if {one.trace_id, above.get(one.parent_id, one).trace_id} != {own}:
            torn.append(f"{one.name} of {mail} is in trace {one.trace_id}, not in {own}")
    return torn


def _of(account: Account, row: Sequence[Any] | None) -> Asked:
    ids = [("SNS's id", account.name), *(("SQS's id", one) for one in account.receives)]
    ids.append(("trace's id", trace_id_from(account.name)))
    if row is None:
        return Asked(ids)
    _, mail_id, sent_as, sqs_message_id, mask, created_at = row
    ids += [("mail's key", mail_id)] if mail_id else []
    ids += [("SES's id", sent_as)] if sent_as else []
    kept = frozenset(filter(None, (account.name, mail_id, sent_as, sqs_message_id)))
    return Asked(ids, kept, (mask, created_at.isoformat()) if mask else None)


def _ids_in(story: Story) -> set[str]:
    names = ("sqs_message_ids", "sns_message_ids", "mail_ids", "trace_ids")
    return {one for name in names for one in story[name]}


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


def _find(world: World, masks: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Ask by mask and time; returns what is told, by the SNS id of the mail that is meant."""
    if not masks:
        return {}
    told = world.stack.manage("shell", "-c", _BY_MASK % list(masks.values())).splitlines()
    return dict(zip(masks, map(json.loads, told[-len(masks) :]), strict=True))
