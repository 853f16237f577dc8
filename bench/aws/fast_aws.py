"""The fast local AWS as a process, for the relay's processes and for those who test them."""

import base64
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.aws import faults
from bench.aws.faults import Faults
from bench.aws.web import CONTROL_PATH
from relay.local import ses
from relay.local.aws import BUCKET, SentMail, SimulatedAws

_ROOT = Path(__file__).resolve().parents[2]
_LOADED_AT_ONCE = 500


class FastAws(SimulatedAws):
    """`python -m bench.aws`: in the place of moto, where there is much to do or to go wrong."""

    _MODULE = "bench.aws"
    _RESET = f"{CONTROL_PATH}reset"

    def sent(self, start: int = 0) -> list[SentMail]:
        """List what SES was given to send, oldest first, from the mail number `start` on."""
        told = self._ask("GET", f"{CONTROL_PATH}mails?from={start}")
        return [
            SentMail(
                mail["sender"],
                tuple(mail["recipients"]),
                base64.b64decode(mail["raw"]),
                mail["ses_id"],
            )
            for mail in told
        ]

    def keep_bodies(self, keeps: bool) -> None:
        """Keep the mails that are sent from now on whole, or only their headers. Until `reset`."""
        self._ask("PUT", f"{CONTROL_PATH}mails", {"keeps_bodies": keeps})

    def set_faults(self, wrong: Faults) -> None:
        """Let these things go wrong from now on; `Faults()` ends them all, and so does `reset`."""
        self._ask("PUT", f"{CONTROL_PATH}faults", faults.as_json(wrong))

    def faults(self) -> Faults:
        """Give what goes wrong now."""
        return faults.from_json(self._ask("GET", f"{CONTROL_PATH}faults"))

    def statistics(self) -> dict[str, Any]:
        """Give `requests` (by operation, then by verdict) and `sent_at` (seconds, one a mail)."""
        told: dict[str, Any] = self._ask("GET", f"{CONTROL_PATH}statistics")
        return told

    def deliver_many(self, mails: Sequence[tuple[bytes, Sequence[str]]]) -> list[str]:
        """Receive mails, each with its recipients, as SES would; gives their SQS messages' ids.

        They do not pass SQS's and S3's protocols, and so meet none of their faults. Signing their
        envelopes takes about a millisecond each.
        """
        ids: list[str] = []
        for batch in _batches(mails):
            ids += self._load(batch)
        return ids

    def _load(self, mails: Sequence[tuple[bytes, Sequence[str]]]) -> list[str]:
        objects, bodies = {}, []
        for raw, recipients in mails:
            key = uuid.uuid4().hex
            objects[key] = base64.b64encode(raw).decode()
            told = ses.received_in_s3(raw, recipients, bucket=BUCKET, key=key)
            bodies.append(self._envelope(told))
        queue = self.queue_url.rpartition("/")[2]
        ids: list[str] = self._ask(
            "POST",
            f"{CONTROL_PATH}load",
            {"bucket": BUCKET, "objects": objects, "queue": queue, "bodies": bodies},
        )
        return ids

    def _server_environ(self) -> dict[str, str]:
        # This package is no part of what is installed.
        return super()._server_environ() | {"PYTHONPATH": str(_ROOT)}


def _batches(
    mails: Sequence[tuple[bytes, Sequence[str]]],
) -> Iterator[Sequence[tuple[bytes, Sequence[str]]]]:
    for start in range(0, len(mails), _LOADED_AT_ONCE):
        yield mails[start : start + _LOADED_AT_ONCE]
