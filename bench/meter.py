"""CPU time and memory of processes, with their children."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psutil

_EVERY_SECONDS = 0.5
_GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children, including those that have ended."""
    return sum(_cpu_of(process) for process in _family(pid))


def memory_bytes(pid: int) -> list[int]:
    """Return the resident memory of a process and of each of its children."""
    return [_memory_of(process) for process in _family(pid)]


@dataclass
class Meter:
    """Watches processes, by name: their CPU time since `start`, their memory over time."""

    pids: Mapping[str, int]
    memory: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    _before: dict[str, float] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start measuring."""
        self._before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        self._started = time.monotonic()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> dict[str, float]:
        """Stop measuring; returns the CPU seconds by name."""
        self._ended.set()
        return {name: cpu_seconds(pid) - self._before[name] for name, pid in self.pids.items()}

    def peak(self, name: str) -> int:
        """Return the peak memory of one process of this name, in bytes."""
        return max((held for _, held in self.memory.get(name, ())), default=0)

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            now = round(time.monotonic() - self._started, 1)
            for name, pid in self.pids.items():
                held = max(memory_bytes(pid), default=0)
                self.memory.setdefault(name, []).append((now, held))


def _family(pid: int) -> Iterable[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except _GONE:
        return []


def _cpu_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except _GONE:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _memory_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except _GONE:
        return 0
