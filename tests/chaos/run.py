"""One run: deliver mails while injecting faults, then judge every message."""

import base64
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.accounting import BAD, Delivery, Judged, Sending, count, judge
from tests.chaos.schedule import Fault, Kind, Scale, drawn
from tests.chaos.supervisor import BRIDGES, WORKERS, Supervisor
from tests.chaos.world import MASKS, World
from tools.local.logs import lines

ROOT = Path(__file__).parents[2]

_PAUSE_SECONDS = {Kind.PAUSE_WORKERS: 17.0, Kind.PAUSE_BRIDGE: 8.0}
_NOTIFY_TWICE_EVERY = 50
_SETTLE_SECONDS = 240.0
_LOOK_SECONDS = 0.5
_SUBJECT = re.compile(rb"^Subject: chaos (\d+)\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Report:
    """The injected faults, the verdicts, and how long the run took."""

    seed: int
    seconds: float
    broken: Counter[Kind]
    restarts: int
    judged: list[Judged]
    resolved: int
    requests: dict[str, dict[str, int]]

    @property
    def bad(self) -> list[Judged]:
        """The messages with a bad verdict."""
        return [one for one in self.judged if one.verdict in BAD]


def run(folder: Path, scale: Scale, seed: int, log: Callable[[str], object] = str) -> Report:
    """Do one run; its logs stay in `folder`."""
    world = World(folder, seed)
    try:
        world.set_up()
        supervisor = Supervisor(world.stack, str(ROOT))
        started = time.monotonic()
        try:
            messages = _deliver_and_break(world, supervisor, scale, seed, log)
            _wait_until_settled(world, messages, log)
        finally:
            seconds = time.monotonic() - started
            supervisor.stop()
        broken = messages.broken
        return Report(
            seed=seed,
            seconds=seconds,
            broken=broken,
            restarts=supervisor.restarts,
            judged=_judge(world, supervisor, messages),
            resolved=_resolved(supervisor),
            requests=world.aws.statistics()["requests"],
        )
    finally:
        world.stop()


@dataclass(slots=True)
class _Messages:
    """The SQS message ids by SNS message id, and the faults injected during delivery."""

    sqs_ids: dict[str, list[str]]
    broken: Counter[Kind]


def _deliver_and_break(
    world: World, supervisor: Supervisor, scale: Scale, seed: int, log: Callable[[str], object]
) -> _Messages:
    faults = drawn(scale, seed)
    messages = _Messages(defaultdict(list), Counter())
    started = time.monotonic()
    delivered = 0
    while delivered < scale.messages or faults:
        now = time.monotonic() - started
        due = min(scale.messages, int(scale.messages * now / scale.seconds) + 1)
        if due > delivered:
            _deliver(world, range(delivered, due), messages)
            delivered = due
        while faults and faults[0].at <= now:
            fault = faults.pop(0)
            if _break(world, supervisor, fault):
                messages.broken[fault.kind] += 1
                log(f"{now:6.1f} s  {delivered:5} delivered  {fault.kind}")
            else:
                # The victim is down already: try again when it is up.
                later = Fault(now + 1, fault.kind, fault.victim)
                faults = sorted([*faults, later], key=lambda fault: fault.at)
        time.sleep(_LOOK_SECONDS / 5)
    return messages


def _deliver(world: World, numbers: range, messages: _Messages) -> None:
    names, mails = [], []
    for number in numbers:
        for _ in range(2 if number % _NOTIFY_TWICE_EVERY == 0 else 1):
            names.append(_name(number))
            mails.append((_mail(number), [MASKS[number % len(MASKS)]]))
    for name, sqs_id in zip(names, world.aws.deliver_many(mails, names), strict=True):
        messages.sqs_ids[name].append(sqs_id)


def _break(world: World, supervisor: Supervisor, fault: Fault) -> bool:
    """Inject a fault. Return false if its victim is down already."""
    workers, bridge = WORKERS[fault.victim % len(WORKERS)], BRIDGES[fault.victim % len(BRIDGES)]
    actions: dict[Kind, Callable[[], bool | None]] = {
        Kind.KILL_WORKERS: lambda: supervisor.kill(workers),
        Kind.KILL_WORKER: lambda: supervisor.kill_worker(workers),
        Kind.KILL_BRIDGE: lambda: supervisor.kill(bridge),
        Kind.PAUSE_WORKERS: lambda: supervisor.pause(workers, _PAUSE_SECONDS[fault.kind]),
        Kind.PAUSE_BRIDGE: lambda: supervisor.pause(bridge, _PAUSE_SECONDS[fault.kind]),
        Kind.WIPE_REDIS: world.wipe_redis,
        Kind.RESTART_REDIS: world.redis.restart,
        Kind.RESTART_POSTGRES: world.postgres.restart,
        Kind.S3_DOWN: lambda: world.take_down("s3"),
        Kind.SES_THROTTLES: lambda: world.take_down("ses"),
        Kind.SQS_DOWN: lambda: world.take_down("sqs"),
    }
    return actions[fault.kind]() is not False


def _wait_until_settled(world: World, messages: _Messages, log: Callable[[str], object]) -> None:
    """Wait until all is recorded and the queue is empty, up to a deadline."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        states = world.deliveries()
        settled = sum(state == "finished" for state, _ in states.values())
        left = world.aws.count(world.aws.queue_url)
        if settled == len(messages.sqs_ids) and left == 0:
            log("all settled, and the queue is empty")
            return
        time.sleep(_LOOK_SECONDS)
    log(f"not settled after {_SETTLE_SECONDS:.0f} s: {settled} recorded, {left} in the queue")


def _judge(world: World, supervisor: Supervisor, messages: _Messages) -> list[Judged]:
    world.end_faults()
    sendings: dict[str, list[Sending]] = defaultdict(list)
    for mail in world.aws.accepted():
        found = _SUBJECT.search(_raw(mail["raw"]))
        assert found, "an unknown mail was sent"
        sending = Sending(mail["at"], mail["access_key"])
        sendings[_name(int(found[1]))].append(sending)
    failures = {
        str(line["sqs_message_id"]): str(line["error"])
        for process in supervisor.logs(BRIDGES)
        for line in lines(process.log)
        if line["message"] == "message failed"
    }
    in_sqs = _left_in_sqs(world)
    deliveries = {name: Delivery(*row) for name, row in world.deliveries().items()}
    return [
        judge(
            name,
            sendings[name],
            deliveries.get(name),
            killed_at=supervisor.killed_at,
            failure=next((failures[one] for one in sqs_ids if one in failures), None),
            is_in_sqs=not in_sqs.isdisjoint(sqs_ids),
        )
        for name, sqs_ids in messages.sqs_ids.items()
    ]


def _resolved(supervisor: Supervisor) -> int:
    """Count the sends that an event or a note proved, so that nothing was sent again."""
    logs = [lines(process.log) for process in supervisor.logs(WORKERS)]
    return sum(line["message"] == "sent before" for log in logs for line in log)


def _left_in_sqs(world: World) -> set[str]:
    found: set[str] = set()
    for url in (world.aws.queue_url, world.aws.dead_letter_queue_url):
        while world.aws.count(url) > len(found):
            answer = world.aws.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=7
            )
            if not answer.get("Messages"):
                break
            found |= {message["MessageId"] for message in answer["Messages"]}
    return found


def summary(report: Report) -> str:
    """Format the report as text: faults, restarts, verdicts."""
    rows = [f"seed {report.seed}, {len(report.judged)} messages, {report.seconds:.0f} s", ""]
    rows += [f"{number:6}  {kind}" for kind, number in sorted(report.broken.items())]
    rows += [f"{report.restarts:6}  process restarts"]
    rows += [f"{report.resolved:6}  sends proved by an event or a note, and not repeated", ""]
    rows += [f"{number:6}  {verdict}" for verdict, number in count(report.judged).most_common()]
    explained = [one for one in report.judged if one.detail]
    rows += ["", *(f"{one.message}: {one.verdict}: {one.detail}" for one in explained[:40])]
    return "\n".join(rows)


def _name(number: int) -> str:
    return f"chaos-{number:06}"


def _mail(number: int) -> bytes:
    return (
        b"From: Ann <ann@sender.example>\r\nTo: somebody@masks.example\r\n"
        b"Subject: chaos %d\r\nMessage-ID: <%d@sender.example>\r\n\r\nhello\r\n" % (number, number)
    )


def _raw(text: str) -> bytes:
    return base64.b64decode(text)
