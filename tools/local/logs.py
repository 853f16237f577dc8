"""Reads from the logs of the bridge and the workers what became of the demo's mails."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.local.cases import Case


class Logs:
    """The two logs, and which SQS message is of which case."""

    def __init__(self, bridge: Path, workers: Path, message_ids: Mapping[str, Case]) -> None:
        self._bridge = bridge
        self._workers = workers
        self._message_ids = message_ids

    def outcomes(self, case: Case) -> tuple[str, ...]:
        """Give what the log tells of a case: an outcome a recipient, or its rejection."""
        if case.rejected:
            rejected = (
                f"rejected/{line['reason']}"
                for line in lines(self._bridge)
                if line["message"] == "message rejected"
                and self._message_ids.get(line["sqs_message_id"]) == case
            )
            # It is rejected each time that SQS delivers it.
            return tuple(sorted(set(rejected)))
        return tuple(
            f"{line['outcome']}/{line['reason']}"
            for line in lines(self._workers)
            if line["message"] == "settled" and line["sns_message_id"] == case.sns_message_id
        )


def lines(log: Path) -> Iterator[dict[str, Any]]:
    """Read the JSON lines of a log; what is no JSON object comes from elsewhere."""
    for line in log.read_text(errors="replace").splitlines():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        if isinstance(read, dict) and "message" in read:
            yield read
