"""The controls in Redis, each sealed: who only writes to Redis can lift one, but can make none.

    relay:controls        hash: id → the control, sealed. An ended one stays for a day
    relay:controls-lost   `NUMBER MS`: how many controls Redis lost, and when; kept for a day

A control that is gone without having ended was lost: Redis was wiped, or somebody removed it. That
is how each process that knew of it can tell (`watch.py`).
"""

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

from runtime.controls.values import Action, Control, NotAllowed
from runtime.seals import Forged, SealedByAnother, Seals, report_forged

if TYPE_CHECKING:
    from redis import Redis

KEY, LOST_KEY = "relay:controls", "relay:controls-lost"

MAX_ACTIVE = 100
"""How many may be in force: each worker compares each mail with all of them."""

_REMEMBERED_MS = 24 * 3600 * 1000
_LOST_SECONDS = 24 * 3600


class ControlStore:
    """The controls of one relay. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis", seals: Seals) -> None:
        self._redis = client
        self._seals = seals
        self._reported: set[bytes] = set()

    def add(self, control: Control) -> None:
        """Bring a control into force. Raises `NotAllowed` if there are too many.

        Forgets those that ended long ago.
        """
        now_ms = control.since_ms
        found = self.find_all()
        if sum(one.is_active(now_ms) for one in found) >= MAX_ACTIVE:
            raise NotAllowed(f"{MAX_ACTIVE} controls are in force: end one first")
        old = [one.id for one in found if _over_ms(one) < now_ms - _REMEMBERED_MS]
        if old:
            self._redis.hdel(KEY, *old)
        self._write(control)

    def end(self, control_id: str, *, by: str, now_ms: int) -> Control | None:
        """End a control now; None: no such control is in force."""
        for one in self.find_all():
            if one.id == control_id and one.is_active(now_ms):
                ended = replace(one, ended_ms=now_ms, ended_by=by)
                self._write(ended)
                return ended
        return None

    def find_all(self) -> list[Control]:
        """Find all controls, also ended ones, the oldest first."""
        return self.read(self.find_raw())

    def find_raw(self) -> dict[bytes, bytes]:
        """Return what Redis has, unopened."""
        return cast("dict[bytes, bytes]", self._redis.hgetall(KEY))

    def read(self, raw: dict[bytes, bytes]) -> list[Control]:
        """Open what Redis has. What none of ours sealed is reported, once, and left out."""
        found = (self._open(name, text) for name, text in raw.items())
        return sorted((one for one in found if one), key=lambda one: (one.since_ms, one.id))

    def note_lost(self, number: int, now_ms: int) -> None:
        """Note that Redis lost controls, for operators."""
        self._redis.set(LOST_KEY, f"{number} {now_ms}", ex=_LOST_SECONDS)

    def find_lost(self) -> tuple[int, int] | None:
        """Find how many controls Redis lost in the last day, and when (ms)."""
        stored = cast("bytes | None", self._redis.get(LOST_KEY))
        numbers = (stored or b"").split()
        if len(numbers) != 2 or not all(one.isdigit() and len(one) < 16 for one in numbers):
            return None
        return int(numbers[0]), int(numbers[1])

    def _write(self, control: Control) -> None:
        text = json.dumps(asdict(control))
        self._redis.hset(KEY, control.id, self._seals.seal(text, _about(control.id)))

    def _open(self, name: bytes, text: bytes) -> Control | None:
        control_id = name.decode(errors="replace")
        try:
            sealed = text.decode(errors="replace")
            data: dict[str, Any] = json.loads(self._seals.open(sealed, _about(control_id)))
        except (Forged, SealedByAnother):
            if text not in self._reported:
                self._reported = {*list(self._reported)[-MAX_ACTIVE:], text}
                report_forged("control")
            return None
        return Control(**data | {"action": Action(data["action"])})


def _about(control_id: str) -> str:
    return f"control {control_id}"


def _over_ms(control: Control) -> int:
    return control.until_ms if control.ended_ms is None else control.ended_ms
