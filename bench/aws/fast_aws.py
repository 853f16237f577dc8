"""The fast local AWS as a process, for the relay's processes and for those who test them."""

import base64
import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from bench.aws import control, faults
from bench.aws.faults import Faults
from relay.local import ses
from relay.local.aws import BUCKET, SentMail, SimulatedAws

_ROOT = Path(__file__).resolve().parents[2]
_LOADED_AT_ONCE = 500

T = TypeVar("T")


class FastAws(SimulatedAws):
    """`python -m bench.aws`: in the place of moto, where there is much to do or to go wrong."""

    _MODULE = "bench.aws"
    _RESET = f"{control.PATH}reset"

    def sent(self, start: int = 0) -> list[SentMail]:
        """List what SES was given to send, oldest first, from the mail number `start` on."""
        told = self.accepted(start)
        return [
            SentMail(
                mail["sender"],
                tuple(mail["recipients"]),
                base64.b64decode(mail["raw"]),
                mail["ses_id"],
            )
            for mail in told
        ]

    def accepted(self, start: int = 0) -> list[dict[str, Any]]:
        """Give the same as JSON, with when it was accepted and whose credentials it came with."""
        told: list[dict[str, Any]] = self._ask("GET", f"{control.PATH}mails?from={start}")
        return told

    def keep_bodies(self, keeps: bool) -> None:
        """Keep the mails that are sent from now on whole, or only their headers. Until `reset`."""
        self._ask("PUT", f"{control.PATH}mails", {"keeps_bodies": keeps})

    def set_faults(self, wrong: Faults) -> None:
        """Let these things go wrong from now on; `Faults()` ends them all, and so does `reset`."""
        self._ask("PUT", f"{control.PATH}faults", faults.as_json(wrong))

    def faults(self) -> Faults:
        """Give what goes wrong now."""
        return faults.from_json(self._ask("GET", f"{control.PATH}faults"))

    def statistics(self) -> dict[str, Any]:
        """Give `requests` (by operation, then by verdict) and `sent_at` (seconds, one a mail)."""
        told: dict[str, Any] = self._ask("GET", f"{control.PATH}statistics")
        return told

    def deliver_many(
        self, mails: Sequence[tuple[bytes, Sequence[str]]], sns_message_ids: Sequence[str] = ()
    ) -> list[str]:
        """Receive mails, each with its recipients, as SES would; gives their SQS messages' ids.

        SNS gives its messages the ids given here, or makes some up. They do not pass SQS's and
        S3's protocols, and so meet none of their faults. Signing takes a millisecond each.
        """
        ids: list[str] = []
        names: Sequence[str | None] = sns_message_ids or [None] * len(mails)
        named = zip(mails, names, strict=True)
        for batch in batched(named, _LOADED_AT_ONCE):
            ids += self._load(batch)
        return ids

    def _load(self, mails: Iterable[tuple[tuple[bytes, Sequence[str]], str | None]]) -> list[str]:
        objects, bodies = {}, []
        for (raw, recipients), sns_message_id in mails:
            key = uuid.uuid4().hex
            objects[key] = base64.b64encode(raw).decode()
            told = ses.received_in_s3(raw, recipients, bucket=BUCKET, key=key)
            bodies.append(self._envelope(told, sns_message_id))
        queue = self.queue_url.rpartition("/")[2]
        ids: list[str] = self._ask(
            "POST",
            f"{control.PATH}load",
            {"bucket": BUCKET, "objects": objects, "queue": queue, "bodies": bodies},
        )
        return ids

    def _server_environ(self) -> dict[str, str]:
        # This package is no part of what is installed.
        return super()._server_environ() | {"PYTHONPATH": str(_ROOT)}


def batched(items: Iterable[T], at_once: int) -> Iterator[list[T]]:
    """Give items in lists of so many."""
    rest = iter(items)
    while batch := list(islice(rest, at_once)):
        yield batch
