"""A whole relay under steady traffic, judged as operators judge it, and watched by Prometheus."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import redis

from relay.config import RelayConfig
from relay.operations.judgement.read import read_facts
from relay.operations.judgement.verdict import Verdict, judge
from runtime.env import load
from runtime.redis_client import connect_fail_fast
from tests.chaos.alarms import Alarms
from tests.chaos.canaries import CANARY, Canaries
from tests.chaos.world import World
from tools.aws.faults import Faults, ServiceFaults
from tools.local.processes import Process, free_port

_SABOTAGE = Path(__file__).parent / "sabotage"
_PER_SECOND = 2
_PAST_MINUTES = 200
_RAW = '{"notificationType": "Received", "mail": {}, "receipt": {}}'
_WELL = Faults(sqs=ServiceFaults(latency_ms=10), ses=ServiceFaults(latency_ms=80))
_SETTINGS = {
    "MASK_MAILS_PER_DAY": "100000",
    "SENDER_MAILS_PER_DAY": "100000",
    "CANARY_MASK": CANARY,
    "METRICS_BACKEND": "prometheus",
}


class Scene:
    """A relay under steady traffic, on servers that fail on demand, watched by Prometheus."""

    def __init__(self, folder: Path, prometheus: str, **settings: str) -> None:
        self.world = World(folder, _WELL, has_events=True, settings=_SETTINGS | settings)
        self.world.set_up()
        self._canaries = Canaries(self.world)
        self._ports = free_port(), free_port()
        self.mode = "mail"
        self._ending = threading.Event()
        self._traffic = threading.Thread(target=self._deliver, daemon=True)
        self.bridge, self.workers = self.start_bridge(), self.start_workers()
        self.scheduler = self.world.stack.start_scheduler()
        self._traffic.start()
        bridge, workers = self._ports
        self.alarms = Alarms(folder, prometheus, bridge=bridge, workers=workers)
        environ = self.world.stack.environ
        os.environ.update({name: environ[name] for name in environ if name.startswith("AWS_")})
        self.config = load(RelayConfig, environ)
        self._client = connect_fail_fast(self.config.redis_url)
        self._remember_a_day()

    def start_bridge(self) -> Process:
        """Start a bridge whose poller can be ended."""
        port = str(self._ports[0])
        return self.world.stack.start_bridge(PROMETHEUS_PORT=port, PYTHONPATH=str(_SABOTAGE))

    def start_workers(self) -> Process:
        """Start workers."""
        return self.world.stack.start_workers(PROMETHEUS_PORT=str(self._ports[1]))

    def judge(self) -> Verdict:
        """Judge as the relay does."""
        return judge(read_facts(self._client, self.config))

    def redis(self) -> "redis.Redis":
        """Return a client that may configure Redis."""
        return self.world.client()

    def stop(self) -> None:
        """Stop everything."""
        self._ending.set()
        self._traffic.join()
        self.alarms.stop()
        self.world.stack.stop()
        self.world.stop()

    def _remember_a_day(self) -> None:
        """Let Redis know hours in which mail came each minute."""
        now = int(time.time() // 60)
        with self.redis().pipeline() as pipeline:
            for minute in range(now - _PAST_MINUTES, now):
                pipeline.hset(f"relay:tally:{minute}", "arrived", 60)
                pipeline.expire(f"relay:tally:{minute}", 90_000)
            pipeline.execute()

    def _deliver(self) -> None:
        while not self._ending.wait(1 / _PER_SECOND):
            with suppress(Exception):  # the servers are failing
                if self.mode == "raw":
                    self.world.aws.put(_RAW)
                elif self.mode == "mail":
                    self.world.lab.deliver(1)
                    self._canaries.bring_back()
