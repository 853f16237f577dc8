"""From facts to causes: each rule looks for one, and says since when. Pure.

The rules are in modules by what they are about; this is their order.
"""

from collections.abc import Iterator

from bridge.ledger.heartbeats import Role
from relay.operations.judgement import (
    account_rules,
    arrival_rules,
    aws_rules,
    database_rules,
    process_rules,
    redis_rules,
    worker_rules,
)
from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.found import Found, Rule

RULES: tuple[Rule, ...] = (
    redis_rules.redis,
    database_rules.database,
    database_rules.unmigrated,
    process_rules.paused,
    arrival_rules.raw_delivery,
    arrival_rules.configuration,
    arrival_rules.certificates,
    aws_rules.ses,
    aws_rules.s3,
    arrival_rules.sqs,
    process_rules.no_process(Role.BRIDGE, Cause.NO_BRIDGE),
    process_rules.no_process(Role.WORKER, Cause.NO_WORKER),
    process_rules.no_process(Role.SCHEDULER, Cause.NO_SCHEDULER),
    database_rules.locked,
    worker_rules.attempts_fail,
    worker_rules.dead_letters,
    arrival_rules.rejects,
    worker_rules.nothing_settled,
    arrival_rules.nothing_taken,
    worker_rules.too_slow,
    arrival_rules.no_canary,
    arrival_rules.no_mail,
    process_rules.gauges,
    process_rules.silent,
    process_rules.two_schedulers,
    account_rules.under_review,
    account_rules.quota,
    account_rules.reputation,
    account_rules.unreadable,
)
"""In the order in which a reader wants them: what explains most comes first."""


def find(facts: Facts) -> Iterator[Found]:
    """Yield the causes there are."""
    for rule in RULES:
        found = rule(facts)
        if found is not None:
            yield found
