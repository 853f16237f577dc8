"""Injects each kind of fault, and ends those that last."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bridge.ledger.dead_letter_limit import find_bytes
from tests.chaos.amid_moves import AmidMoves
from tests.chaos.schedule import IN_FLOODS, Fault, Kind
from tests.chaos.supervisor import BRIDGES, WORKERS, Supervisor
from tests.chaos.world import World
from tests.lab.lab import MASKS
from tests.lab.wires import NONE, Trouble
from tests.lab.wiring import Server
from tests.waiting import wait_until
from tools.aws.faults import Outage, Refusal

Undo = Callable[[], object]
Injected = Undo | None

_AWS: dict[Kind, dict[str, Any]] = {
    Kind.S3_DOWN: {"s3": {"outage": Outage.ERRORS}},
    Kind.S3_DENIES: {"s3": {"refused": Refusal(403, "AccessDenied")}},
    Kind.S3_LATE: {"invisible_seconds": 5.0},
    Kind.SES_THROTTLES: {"ses": {"refused": Refusal(429, "TooManyRequestsException")}},
    Kind.SES_DENIES: {"ses": {"refused": Refusal(403, "AccessDeniedException")}},
    Kind.SES_DISTRUSTS: {"ses": {"refused": Refusal(403, "InvalidSignatureException")}},
    Kind.SES_QUOTA: {
        "ses": {"refused": Refusal(429, "TooManyRequestsException", "Daily message quota exceeded")}
    },
    Kind.SES_SILENT: {"ses": {"outage": Outage.SILENT}},
    Kind.SES_TIMES_OUT: {"ses": {"refused": Refusal(504, "", is_carried_out=True)}},
    Kind.SQS_DOWN: {"sqs": {"outage": Outage.ERRORS}},
    Kind.OVERFLOW_DOWN: {"sqs": {"outage": Outage.ERRORS, "only": ("SendMessageBatch",)}},
    Kind.OVERFLOW_UNHEARD: {
        "sqs": {
            "throttled": 0,
            "failed": 0,
            "unconfirmed": 0,
            "cut": 1,
            "only": ("SendMessageBatch",),
        }
    },
    Kind.SQS_DELETES_UNHEARD: {
        "sqs": {
            "throttled": 0,
            "failed": 0,
            "unconfirmed": 0,
            "cut": 1,
            "only": ("DeleteMessageBatch",),
        }
    },
}
_WIRES = {
    Kind.REDIS_SILENT: (Server.REDIS, Trouble(is_silent=True)),
    Kind.REDIS_UNHEARD: (Server.REDIS, Trouble(loses_answers=True)),
    Kind.REDIS_SLOW: (Server.REDIS, Trouble(delay_seconds=0.1)),
    Kind.POSTGRES_UNHEARD: (Server.POSTGRES, Trouble(loses_answers=True)),
    Kind.SES_UNHEARD: (Server.SES, Trouble(loses_answers=True)),
    Kind.SES_FORGETS: (Server.SES, Trouble(idle_seconds=0.5)),
}
_MISSPELT = {"AWS_S3_EMAIL_BUCKET": "mial"}
_AHEAD = {
    "PYTHONPATH": str(Path(__file__).parents[1] / "lab" / "wrong_clock"),
    "LAB_CLOCK_AHEAD_SECONDS": "180",
}
_OF_SETTINGS = (Kind.MISSPELT_BUCKET, Kind.WRONG_CLOCK, Kind.NO_CREDENTIALS)
_UNNEEDED = ("Delivery", "Open", "Click", "DeliveryDelay")
SECONDS = {
    Kind.PAUSE_WORKERS: 17.0,
    Kind.PAUSE_BRIDGE: 8.0,
    Kind.S3_LATE: 8.0,
    Kind.REDIS_SMALL: 20.0,
    Kind.WRONG_CLOCK: 20.0,
    Kind.NO_CREDENTIALS: 10.0,
    Kind.OVERFLOW_KILL: 10.0,
    Kind.REDIS_WIPED_IN_FLOOD: 10.0,
}
_USUAL_SECONDS = 4.0
_SMALL_REDIS_BYTES = 16 * 1024 * 1024
_LETTER_BYTES = 150_000
_FLOOD = 80
"""Far more than one mask's share of what is in flight."""


class Saboteur:
    """Injects faults into a world and its processes."""

    def __init__(
        self, world: World, supervisor: Supervisor, seconds: Mapping[Kind, float] = SECONDS
    ) -> None:
        self._world = world
        self._supervisor = supervisor
        self._seconds = seconds
        self._lasting: dict[str, Undo] = {}
        self.poison: set[str] = set()
        self.refused: set[str] = set()
        self.excess: list[str] = []
        self.amid_moves = AmidMoves(world, supervisor)

    def inject(self, fault: Fault) -> bool:
        """Inject a fault. Return false if its victim is down already."""
        kind = fault.kind
        if _area(kind) in self._lasting:
            return False
        if kind in IN_FLOODS:
            self._world.lab.deliver(_FLOOD, MASKS[:1])
        if kind in _AWS:
            self._for_a_while(kind, self._world.trouble_aws(kind, _AWS[kind]))
        elif kind in _WIRES:
            self._for_a_while(kind, self._trouble_wire(kind, fault.victim))
        elif kind in self._processes:
            return self._processes[kind](fault.victim)
        else:
            undo = self._servers[kind]()
            if undo is not None:
                self._for_a_while(kind, undo)
        return True

    @property
    def is_breaking(self) -> bool:
        """Whether a fault lasts."""
        return bool(self._lasting)

    def wait_until_all_ended(self) -> None:
        """Wait for the end of all faults that last."""
        wait_until("the end of all faults", lambda: not self._lasting)

    @property
    def _processes(self) -> dict[Kind, Callable[[int], bool]]:
        supervisor = self._supervisor
        return {
            Kind.KILL_WORKERS: lambda victim: supervisor.kill(_worker(victim)),
            Kind.KILL_WORKER: lambda victim: supervisor.kill_worker(_worker(victim)),
            Kind.KILL_BRIDGE: lambda victim: supervisor.kill(_bridge(victim)),
            Kind.PAUSE_WORKERS: lambda victim: supervisor.pause(
                _worker(victim), self._seconds[Kind.PAUSE_WORKERS]
            ),
            Kind.PAUSE_BRIDGE: lambda victim: supervisor.pause(
                _bridge(victim), self._seconds[Kind.PAUSE_BRIDGE]
            ),
        }

    @property
    def _servers(self) -> dict[Kind, Callable[[], Injected]]:
        return {
            Kind.WIPE_REDIS: lambda: _none(self._world.client().flushall()),
            Kind.RESTART_REDIS: self._world.redis.restart,
            Kind.REDIS_WIPED_IN_FLOOD: self.amid_moves.wipe_redis,
            Kind.REDIS_FULL: self._fill_redis,
            Kind.REDIS_SMALL: self._fill_with_dead_letters,
            Kind.REDIS_FAILOVER: self._world.fail_over_redis,
            Kind.RESTART_POSTGRES: self._world.postgres.restart,
            Kind.STOP_POSTGRES: self._stop_postgres,
            Kind.POSTGRES_READ_ONLY: self._make_postgres_read_only,
            Kind.LOCKED_MASK: self._lock_mask,
            Kind.NEW_CERTIFICATE: self._world.sign_anew,
            Kind.POISON: self._deliver_poison,
            Kind.MISSPELT_BUCKET: lambda: self._restart_with(WORKERS, _MISSPELT),
            Kind.WRONG_CLOCK: lambda: self._restart_with(WORKERS[1:], _AHEAD),
            Kind.NO_CREDENTIALS: self._withhold_credentials,
            Kind.UNNEEDED_EVENTS: self._send_unneeded_events,
            Kind.CUT: self._cut,
            Kind.OVERFLOW_KILL: self.amid_moves.kill_bridges,
        }

    def _for_a_while(self, kind: Kind, undo: Undo) -> None:
        def end() -> None:
            undo()
            del self._lasting[_area(kind)]

        self._lasting[_area(kind)] = undo
        threading.Timer(self._seconds.get(kind, _USUAL_SECONDS), end).start()

    def _trouble_wire(self, kind: Kind, victim: int) -> Undo:
        server, trouble = _WIRES[kind]
        process = _either(victim) if server is Server.REDIS else _worker(victim)
        self._world.wiring.suffer(server, trouble, process)
        return lambda: self._world.wiring.suffer(server, NONE, process)

    def _cut(self) -> None:
        for server in Server:
            self._world.wiring.cut(server)

    def _fill_redis(self) -> Undo:
        client = self._world.client()
        client.config_set("maxmemory", 1)
        return lambda: client.config_set("maxmemory", 0)

    def _fill_with_dead_letters(self) -> Undo:
        client = self._world.client()
        memory = max(_SMALL_REDIS_BYTES, 2 * int(client.info("memory")["used_memory"]))
        client.config_set("maxmemory", memory)
        number = memory * 5 // 4 // _LETTER_BYTES
        self.refused.update(self._world.lab.deliver_refused(number, _LETTER_BYTES))

        def undo() -> None:
            if (kept := find_bytes(client)) > memory / 4:
                self.excess.append(f"{kept} bytes of dead letters in a Redis of {memory}")
            client.config_set("maxmemory", 0)

        return undo

    def _stop_postgres(self) -> Undo:
        self._world.postgres.stop()
        return self._world.postgres.start

    def _make_postgres_read_only(self) -> Undo:
        execute = self._world.lab.execute
        execute("ALTER SYSTEM SET default_transaction_read_only = on")
        execute("SELECT pg_reload_conf()")

        def undo() -> None:
            execute("ALTER SYSTEM RESET default_transaction_read_only")
            execute("SELECT pg_reload_conf()")

        return undo

    def _lock_mask(self) -> Undo:
        operator = psycopg.connect(self._world.postgres.url)
        local = MASKS[0].split("@")[0]
        operator.execute("SELECT 1 FROM emails_randommask WHERE local = %s FOR UPDATE", [local])
        return operator.close

    def _deliver_poison(self) -> None:
        name, pattern = self._world.lab.deliver_poison()
        self.poison.add(name)
        for process in WORKERS:
            for wire in self._world.wiring.to(Server.S3, process):
                wire.watch_for(pattern, partial(self._supervisor.kill_worker, process))

    def _restart_with(self, names: Sequence[str], settings: dict[str, str]) -> Undo:
        self._supervisor.restart(names, lambda _: settings)
        return lambda: self._supervisor.restart(names)

    def _withhold_credentials(self) -> Undo:
        endpoint = self._world.credentials
        endpoint.is_down = True
        self._supervisor.restart(WORKERS, endpoint.settings)

        def undo() -> None:
            endpoint.is_down = False

        return undo

    def _send_unneeded_events(self) -> None:
        for event in _UNNEEDED:
            self._world.aws.notify({"eventType": event, "mail": {"messageId": "0100-1"}})


def _area(kind: Kind) -> str:
    """Return what a fault breaks: one fault at a time, as the end of one must not end another."""
    if kind in _OF_SETTINGS:
        return "SETTINGS"
    names = ("REDIS", "POSTGRES", "S3", "SES", "SQS", "OVERFLOW")
    found = next((name for name in names if name in kind.name), kind.name)
    return "POSTGRES" if kind is Kind.LOCKED_MASK else found


def _worker(victim: int) -> str:
    return WORKERS[victim % len(WORKERS)]


def _bridge(victim: int) -> str:
    return BRIDGES[victim % len(BRIDGES)]


def _either(victim: int) -> str:
    return (*BRIDGES, *WORKERS)[victim % (len(BRIDGES) + len(WORKERS))]


def _none(_: object) -> None:
    return None
