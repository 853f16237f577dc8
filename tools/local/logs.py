"""Reads the outcomes of the demo's mails from the logs of the bridge and the workers."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.local.cases import Case


class Logs:
    """The two logs, and the case of each SQS message."""

    def __init__(self, bridge: Path, workers: Path, message_ids: Mapping[str, Case]) -> None:
        self._bridge = bridge
        self._workers = workers
        self._message_ids = message_ids

    def outcomes(self, case: Case) -> tuple[str, ...]:
        """Return a case's outcomes by the logs: one per recipient, or its rejection."""
        if case.rejected:
            rejected = (
                f"rejected/{line['reason']}"
                for line in lines(self._bridge)
                if line["message"] == "message rejected"
                and self._message_ids.get(line["sqs_message_id"]) == case
            )
            # The bridge rejects it at each delivery.
            return tuple(sorted(set(rejected)))
        return tuple(
            f"{line['outcome']}/{line['reason']}"
            for line in lines(self._workers)
            if line["message"] == "settled" and line["sns_message_id"] == case.sns_message_id
        )


def lines(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON lines of a log; other lines are skipped."""
    for line in log.read_text(errors="replace").splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if isinstance(fields, dict) and "message" in fields:
            yield fields
