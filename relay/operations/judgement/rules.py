"""From facts to causes: each rule looks for one, and says since when. Pure. See `RULES`."""

from collections.abc import Callable, Iterator

from bridge.ledger.heartbeats import Role
from relay.operations.judgement import account_rules
from relay.operations.judgement.backlog import WORDS, Part, find_backlog
from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts, Failing, Progress
from relay.operations.judgement.found import DENIED, Found
from runtime.breakers import OpenBreaker
from runtime.dependencies import Dependency

CANARY_SECONDS = 300
"""After how long without a canary nobody may be getting mail."""
NO_PROGRESS_SECONDS = 120
"""For how long nothing may happen to mail that waits."""
TOO_SLOW_SECONDS = 300
MEMORY_LOOK = 0.75
_NEARLY_FULL = 0.9
"""At this share bridges stop receiving: `bridge.ledger.room`."""
_USUAL_FACTOR = 3
_LONGEST_USUAL_SECONDS = 1_200
"""Where mail is rarer than this, only a canary can tell that none arrives."""
_GAUGES_SECONDS = 300
_WINDOW_MINUTES = 4
"""How many minutes are judged together. A failure must be there in three of them."""
_MINUTES_OF_FAILURE = 3
_DEAD_SHARE, _REJECTED_SHARE = 0.05, 0.5
_LEAST_FAILURES, _LEAST_LOCKED = 5, 5

_PAUSED = frozenset({"SendingPausedException", "AccountSuspendedException"})
_KMS = "KMS."
_UNMIGRATED, _RAW = "database_unmigrated", "raw_delivery"


Rule = Callable[[Facts], Found | None]


def _redis(facts: Facts) -> Found | None:
    fault = facts.redis
    if fault is None:
        if facts.redis_memory is None or facts.redis_memory < MEMORY_LOOK:
            return None
        what = f"Redis ({facts.redis_at}) uses {facts.redis_memory:.0%} of its memory"
        is_full = facts.redis_memory >= _NEARLY_FULL
        return Found(Cause.REDIS_FULL if is_full else Cause.REDIS_NEARLY_FULL, what)
    cause, what = {
        Failing.AWAY: (Cause.REDIS_AWAY, "can't be reached"),
        Failing.FULL: (Cause.REDIS_FULL, "is full"),
        Failing.READ_ONLY: (Cause.REDIS_READ_ONLY, "is a read-only replica"),
        Failing.REFUSES: (Cause.REDIS_REFUSES, "refuses commands"),
    }[fault.kind]
    since = _stopped_sampling(facts) or fault.since
    return Found(cause, f"Redis ({facts.redis_at}) {what}: {fault.says}", since)


def _stopped_sampling(facts: Facts) -> float | None:
    """A Redis that takes no writes takes no samples either: the last one says since when."""
    is_old = facts.sampled_at is not None and facts.now - facts.sampled_at > _GAUGES_SECONDS / 2
    return facts.sampled_at if is_old else None


def _database(facts: Facts) -> Found | None:
    opened = _breaker(facts, Dependency.DATABASE)
    if facts.database is None and opened is None:
        return None
    says = facts.database.says if facts.database else opened.code if opened else "no answer"
    fault = facts.database
    since = _since(opened) if opened else fault.since if fault else None
    return Found(Cause.DATABASE_AWAY, f"PostgreSQL ({facts.database_at}) fails: {says}", since)


def _unmigrated(facts: Facts) -> Found | None:
    opened = _breaker(facts, Dependency.CONFIGURATION, _UNMIGRATED)
    if not facts.unmigrated and opened is None:
        return None
    names = ", ".join(facts.unmigrated[:3]) or "the workers miss a table or a column"
    what = f"PostgreSQL ({facts.database_at}) lacks {len(facts.unmigrated) or ''} migrations"
    since = opened.since_ms / 1000 if opened else None
    return Found(Cause.DATABASE_UNMIGRATED, f"{what.replace('  ', ' ')}: {names}", since)


def _locked(facts: Facts) -> Found | None:
    recent = _recent(facts)
    if recent is None:
        return None
    locked = recent.total("not_settled:database_busy")
    if locked < _LEAST_LOCKED or locked < recent.settled:
        return None
    since = recent.minutes_with("not_settled:database_busy")[0] * 60.0
    what = f"PostgreSQL ({facts.database_at}) has locked rows or tables that every mail needs"
    return Found(Cause.DATABASE_LOCKED, what, since)


def _paused(facts: Facts) -> Found | None:
    order = facts.pause
    if order is None:
        return None
    what = f"{order.what.capitalize()}, by order of {order.by}: {order.why}"
    return Found(Cause.PAUSED, what, order.since_ms / 1000)


def _raw_delivery(facts: Facts) -> Found | None:
    opened = _breaker(facts, Dependency.CONFIGURATION, _RAW)
    what = "The topic's subscription has raw message delivery switched on"
    if opened is not None:
        return Found(Cause.RAW_DELIVERY, what, _since(opened))
    # The breaker waits until nothing else passes; most of the messages say enough.
    recent, name = _recent(facts), f"rejected:{_RAW}"
    if recent is None or recent.total(name) < max(_LEAST_FAILURES, recent.settled):
        return None
    minutes = recent.minutes_with(name)
    if len(minutes) < _MINUTES_OF_FAILURE - 1:
        return None
    return Found(Cause.RAW_DELIVERY, what, minutes[0] * 60.0)


def _configuration(facts: Facts) -> Found | None:
    opened = _breaker(facts, Dependency.CONFIGURATION)
    if opened is None or opened.code in (_UNMIGRATED, _RAW):
        return None
    return Found(
        Cause.CONFIGURATION, f"All messages fail on one setting: {opened.code}", _since(opened)
    )


def _certificates(facts: Facts) -> Found | None:
    opened = _breaker(facts, Dependency.CERTIFICATES)
    if opened is None:
        return _all_postponed(facts)
    what = f"SNS's signing certificate can't be fetched: {opened.code}"
    return Found(Cause.CERTIFICATES_AWAY, what, _since(opened))


def _all_postponed(facts: Facts) -> Found | None:
    """Look for certificates that are missing before a breaker opens: it waits for more proof."""
    recent = _recent(facts)
    if recent is None or recent.settled > recent.total("postponed"):
        return None
    minutes = recent.minutes_with("postponed")
    if recent.total("postponed") < _LEAST_FAILURES or len(minutes) < _MINUTES_OF_FAILURE - 1:
        return None
    what = "SNS's signing certificate can't be had for most messages"
    return Found(Cause.CERTIFICATES_AWAY, what, minutes[0] * 60.0)


def _ses(facts: Facts) -> Found | None:
    opened = _breaker(facts, Dependency.SES)
    if opened is None:
        return account_rules.paused(facts)
    if opened.code in _PAUSED:
        cause, what = Cause.SES_PAUSED, "AWS has paused sending"
    elif opened.code in DENIED:
        cause, what = Cause.SES_DENIED, "The workers may not send with SES"
    else:
        cause, what = Cause.SES_FAILS, "SES fails"
    return Found(cause, f"{what}: {opened.code}", _since(opened))


def _s3(facts: Facts) -> Found | None:
    opened = _breaker(facts, Dependency.S3)
    if opened is None:
        return None
    is_denied = opened.code in DENIED or opened.code.startswith(_KMS)
    cause = Cause.S3_DENIED if is_denied else Cause.S3_FAILS
    what = "The workers may not read the mails in S3" if is_denied else "S3 fails"
    return Found(cause, f"{what}: {opened.code}", _since(opened))


def _sqs(facts: Facts) -> Found | None:
    fault = facts.queue_fault
    return Found(Cause.SQS_AWAY, f"SQS can't be asked: {fault.says}") if fault else None


def _no_process(role: Role, cause: Cause) -> Rule:
    def rule(facts: Facts) -> Found | None:
        if facts.alive(role) != 0:
            return None
        silent = facts.silent(role)
        if silent:
            latest = min(silent, key=lambda beat: beat.age_seconds)
            where = f"{latest.process.host}, process {latest.process.pid}"
            since = facts.now - latest.age_seconds
            return Found(cause, f"No {role} is alive; the last was {where}", since)
        return Found(cause, f"No {role} is alive", facts.last_seen.get(role))

    return rule


def _attempts_fail(facts: Facts) -> Found | None:
    recent = _recent(facts)
    if recent is None:
        return None
    minutes = [one for one in recent.each() if one.failed > one.settled]
    if len(minutes) < _MINUTES_OF_FAILURE:
        return None
    share = recent.failed / (recent.failed + recent.settled)
    reasons = ", ".join(f"{name} {number} times" for name, number in ranked(recent, "not_settled"))
    what = f"{share:.0%} of the last minutes' attempts failed ({reasons})"
    return Found(Cause.ATTEMPTS_FAIL, what, minutes[0].first_minute * 60.0)


def _dead_letters(facts: Facts) -> Found | None:
    return _share_of(facts, Cause.MANY_DEAD_LETTERS, "failed", _DEAD_SHARE, "were dead-lettered")


def _rejects(facts: Facts) -> Found | None:
    return _share_of(facts, Cause.MANY_REJECTS, "rejected", _REJECTED_SHARE, "were rejected")


def _share_of(facts: Facts, cause: Cause, name: str, most: float, words: str) -> Found | None:
    recent = _recent(facts)
    if recent is None:
        return None
    number, minutes = recent.total(name), recent.minutes_with(name)
    if number < _LEAST_FAILURES or len(minutes) < _MINUTES_OF_FAILURE:
        return None
    share = number / (number + recent.settled)
    if share < most:
        return None
    what = f"{share:.0%} of the last minutes' messages {words}"
    return Found(cause, what, minutes[0] * 60.0)


def _nothing_settled(facts: Facts) -> Found | None:
    if not facts.alive(Role.WORKER) or (facts.waiting_seconds or 0) < NO_PROGRESS_SECONDS:
        return None
    recent = _recent(facts, 1 + NO_PROGRESS_SECONDS // 60)
    if recent is None or recent.settled or recent.total("not_settled", "paced"):
        return None
    what = "The workers finish nothing"
    return Found(Cause.NOTHING_SETTLED, what, facts.now - (facts.waiting_seconds or 0))


def _nothing_taken(facts: Facts) -> Found | None:
    if not facts.alive(Role.BRIDGE) or facts.queue is None or facts.queue.visible == 0:
        return None
    recent = _recent(facts, 1 + NO_PROGRESS_SECONDS // 60)
    if recent is None or recent.total("received"):
        return None
    what = f"{facts.queue.visible:,} messages are in SQS, and the bridges take none"
    silence = facts.progress.silence(facts.now, "received") if facts.progress else None
    return Found(Cause.NOTHING_TAKEN, what, None if silence is None else facts.now - silence)


def _too_slow(facts: Facts) -> Found | None:
    seconds = facts.waiting_seconds or 0
    if seconds < TOO_SLOW_SECONDS:
        return None
    backlog = find_backlog(facts)
    is_limited = backlog is not None and backlog.limited_by not in (Part.WORKERS, Part.NOTHING)
    by = f"; the limit is {WORDS[backlog.limited_by]}" if backlog and is_limited else ""
    return Found(Cause.WORKERS_TOO_SLOW, f"Mail waits for a free worker{by}", facts.now - seconds)


def _no_canary(facts: Facts) -> Found | None:
    age = facts.canary_age
    if age is None or age < CANARY_SECONDS:
        return None
    return Found(Cause.NO_CANARY, "No canary has come back", facts.now - age)


def _no_mail(facts: Facts) -> Found | None:
    limit = silence_limit(facts.usual_silence)
    silence = facts.progress.silence(facts.now, "arrived") if facts.progress else None
    if limit is None or silence is None or silence < limit:
        return None
    return Found(Cause.NO_MAIL, "No mail has arrived, which is unusual", facts.now - silence)


def silence_limit(usual: float | None) -> float | None:
    """Return how long no mail may arrive, from the longest silence of the last day.

    None where that tells nothing: mail is too rare, or there is no day yet.
    """
    if usual is None or usual > _LONGEST_USUAL_SECONDS:
        return None
    return max(NO_PROGRESS_SECONDS, usual * _USUAL_FACTOR)


def _gauges(facts: Facts) -> Found | None:
    age = facts.gauges_age
    if age is None or age < _GAUGES_SECONDS:
        return None
    return Found(Cause.GAUGES_STAND_STILL, "No gauges were published", facts.now - age)


def _silent(facts: Facts) -> Found | None:
    found = [beat for beat in facts.heartbeats or () if not beat.is_alive]
    if not found:
        return None
    beat = max(found, key=lambda one: one.age_seconds)
    process = beat.process
    what = f"A {process.role} fell silent: {process.host}, process {process.pid}"
    return Found(Cause.PROCESS_SILENT, what, facts.now - beat.age_seconds)


def _two_schedulers(facts: Facts) -> Found | None:
    number = facts.alive(Role.SCHEDULER) or 0
    return Found(Cause.TWO_SCHEDULERS, f"{number} schedulers are alive") if number > 1 else None


RULES: tuple[Rule, ...] = (
    _redis,
    _database,
    _unmigrated,
    _paused,
    _raw_delivery,
    _configuration,
    _certificates,
    _ses,
    _s3,
    _sqs,
    _no_process(Role.BRIDGE, Cause.NO_BRIDGE),
    _no_process(Role.WORKER, Cause.NO_WORKER),
    _no_process(Role.SCHEDULER, Cause.NO_SCHEDULER),
    _locked,
    _attempts_fail,
    _dead_letters,
    _rejects,
    _nothing_settled,
    _nothing_taken,
    _too_slow,
    _no_canary,
    _no_mail,
    _gauges,
    _silent,
    _two_schedulers,
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


def ranked(progress: Progress, name: str) -> list[tuple[str, int]]:
    """Return the reasons counted under a name, the most frequent first."""
    prefix = f"{name}:"
    names = {one for minute in progress.counts for one in minute if one.startswith(prefix)}
    numbers = [(one.removeprefix(prefix), progress.total(one)) for one in names]
    return sorted(numbers, key=lambda pair: (-pair[1], pair[0]))


def _recent(facts: Facts, minutes: int = _WINDOW_MINUTES) -> Progress | None:
    if facts.progress is None:
        return None
    counts = facts.progress.counts
    left_out = max(0, len(counts) - minutes)
    return Progress(facts.progress.first_minute + left_out, counts[left_out:])


def _breaker(facts: Facts, dependency: Dependency, code: str = "") -> OpenBreaker | None:
    return next(
        (
            one
            for one in facts.breakers
            if one.dependency is dependency and (not code or one.code == code)
        ),
        None,
    )


def _since(opened: OpenBreaker) -> float:
    return opened.since_ms / 1000
