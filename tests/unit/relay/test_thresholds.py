"""When a number of the dashboard is good, deserves a look, or is bad: the table, as a table."""

from pathlib import Path

import pytest

from relay.operations.dashboard.runbook import rendered
from relay.operations.dashboard.thresholds import RULES, Rule, judge
from relay.operations.judgement.causes import Level

GOOD, LOOK, BAD = Level.GOOD, Level.LOOK, Level.BAD
RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"

TABLE: dict[str, list[tuple[float | None, Level]]] = {
    # name: each number from which on the level is another
    "breakers": [(0, GOOD), (1, BAD)],
    "bridges": [(0, BAD), (1, GOOD), (9, GOOD)],
    "workers": [(0, BAD), (1, GOOD), (99, GOOD)],
    "schedulers": [(0, BAD), (1, GOOD), (2, LOOK)],
    "silent": [(0, GOOD), (1, LOOK), (99, LOOK)],
    "sqs_waiting": [(0, GOOD), (199, GOOD), (200, LOOK), (99_999, LOOK)],
    "sqs_hidden": [(0, GOOD), (99_999, GOOD)],
    "sqs_dead": [(0, GOOD), (1, LOOK), (99_999, LOOK)],
    "in_flight": [(0, GOOD), (99_999, GOOD)],
    "in_flight_oldest": [(0, GOOD), (599, GOOD), (600, LOOK), (99_999, LOOK)],
    "redis_waiting": [(0, GOOD), (149, GOOD), (150, LOOK), (99_999, LOOK)],
    "redis_oldest": [(0, GOOD), (59.9, GOOD), (60, LOOK), (300, BAD)],
    "delayed": [(0, GOOD), (9, GOOD), (10, LOOK), (99_999, LOOK)],
    "dead_letters": [(0, GOOD), (1, LOOK), (99_999, LOOK)],
    "held": [(0, GOOD), (99_999, GOOD)],
    "mailboxes": [(0, GOOD), (99, GOOD), (100, LOOK)],
    "releasing": [(0, GOOD), (599, GOOD), (600, LOOK), (99_999, LOOK)],
    "backlog": [(0, GOOD), (99_999, GOOD)],
    "failing": [(0, GOOD), (4, GOOD), (5, LOOK), (99_999, LOOK)],
    "rejected": [(0, GOOD), (1, LOOK), (99_999, LOOK)],
    "postponed": [(0, GOOD), (1, LOOK), (99_999, LOOK)],
    "redis_memory": [(0, GOOD), (0.74, GOOD), (0.75, LOOK), (0.9, BAD)],
    "arrived_age": [(0, GOOD), (99_999, GOOD)],
    "canary_age": [(0, GOOD), (149, GOOD), (150, LOOK), (300, BAD)],
    "pace": [(0, GOOD), (99_999, GOOD)],
    "gauges_age": [(0, GOOD), (149, GOOD), (150, LOOK), (99_999, LOOK)],
}


def test_the_table_has_every_rule() -> None:
    assert [rule.name for rule in RULES] == list(TABLE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_number_has_its_level(rule: Rule) -> None:
    assert [(value, judge(rule, value)) for value, _ in TABLE[rule.name]] == TABLE[rule.name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_could_not_be_read_is_unknown_and_not_good(rule: Rule) -> None:
    assert judge(rule, None) is Level.UNKNOWN


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_whatever_can_be_wanting_says_what_to_do_and_where_to_read_on(rule: Rule) -> None:
    can_be_wanting = any(level is not GOOD for _, level in TABLE[rule.name])

    assert bool(rule.advice) == can_be_wanting
    assert f'<h2 id="{rule.anchor}">' in rendered(RUNBOOK)
