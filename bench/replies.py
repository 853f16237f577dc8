"""Measures hostile replies: `python -m bench.replies [MEGABYTES]`.

For each prints the CPU time, and how long at most other threads of the process waited for one call:
their heartbeats do, too.
"""

import sys
import time
from contextlib import suppress
from dataclasses import replace
from threading import Event, Thread

from emails.mime.plans import NoteWording
from emails.mime.rewrite_reply import rewrite_reply
from emails.values.errors import Refused
from tests.unit.mime.builders import MASK, REPLY, a_mail
from tests.unit.mime.hostile import HOSTILE_HTML

_TICK_SECONDS = 0.002
_OWNER = "a@o.example"
_WORDING = NoteWording(
    MASK, f"To {MASK}", (f"Sent to {MASK}.",), ("1 tracker", "\ue000 trackers"), ()
)
_PLAN = replace(REPLY, owner_addresses=(_OWNER,), note_wordings=(_WORDING,))

UNITS = {
    "words": "some words here ",
    "tags of addresses": "a+",
    "ends of addresses": "@o.example",
    "almost addresses": "a+a+a+@o.exampl",
    "percent signs": "%61+",
    "references": ",a&#43;",
    "blanks": " ",
    "line ends": "\n",
    "folds": "\r\n ",
    "brackets": "<",
    "tags": "<a>",
    "comments": "<!--",
    "ampersands": "&",
    "escapes": "=4",
    "invisible characters": "\u00ad",
    "content ids": "cid:",
    "message ids": "abcdefghij@amazonses.com ",
    "signatures": "-----BEGIN PGP SIGNATURE-----\n",
    "signed messages": "-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n",
    "masks": f"{MASK} ",
}


class _Waiting:
    """Measures how long a thread that wants to run every two milliseconds had to wait at most."""

    def __enter__(self) -> "_Waiting":
        self.longest = 0.0
        self._is_over = Event()
        self._thread = Thread(target=self._wait)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _wait(self) -> None:
        last = time.perf_counter()
        while not self._is_over.wait(_TICK_SECONDS):
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last), now


def main(megabytes: float) -> None:
    """Print a line for each text, as plain text, HTML and calendar."""
    size = int(megabytes * 1e6)
    for name, unit in UNITS.items():
        text = unit * (size // len(unit.encode()))
        for kind in ("text/plain", "text/html", "text/calendar"):
            _measure(f"{name}, {kind}", kind, text)
    for name, make in HOSTILE_HTML.items():
        _measure(f"{name}, text/html", "text/html", make(size))


def _measure(name: str, kind: str, text: str) -> None:
    """Rewrite it twice; the smaller numbers have less of what else the machine did."""
    raw = a_mail(f"Content-Type: {kind}; charset=utf-8", body="") + text.encode()
    seconds, longest = map(min, zip(_once(raw), _once(raw), strict=True))
    print(f"{name}: {seconds:.1f} s of CPU, others waited {longest:.2f} s", flush=True)


def _once(raw: bytes) -> tuple[float, float]:
    started = time.process_time()
    with _Waiting() as waiting, suppress(Refused):
        rewrite_reply(raw, _PLAN)
    return time.process_time() - started, waiting.longest


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 40)
