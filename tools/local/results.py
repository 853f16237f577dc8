"""The demo's results, from the logs, SES and the queues, compared with what is expected."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tools.local.aws import SentMail, SimulatedAws
from tools.local.cases import Case
from tools.local.logs import Logs

DEAD_LETTER = "(dead-letter queue)"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one case: its outcomes by the logs, and where its mails or messages are."""

    case: Case
    outcomes: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def expected(self) -> tuple[str, ...]:
        """The expected outcomes."""
        if self.case.rejected:
            return (f"rejected/{self.case.rejected}",)
        return self.case.outcomes

    @property
    def is_expected(self) -> bool:
        """Whether it ended as expected, and each forwarded mail was sent once."""
        return Counter(self.outcomes) == Counter(self.expected) and self._is_where_it_belongs()

    def _is_where_it_belongs(self) -> bool:
        if self.case.rejected:
            return self.places == (DEAD_LETTER,)
        forwarded = sum(outcome.startswith("forwarded/") for outcome in self.expected)
        return len(self.places) == forwarded and DEAD_LETTER not in self.places


def gather(
    message_ids: dict[str, Case], aws: SimulatedAws, logs: Logs, folder: Path
) -> Iterator[Result]:
    """Yield each case's result; empties the folder, then writes the sent mails into it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    sent = aws.sent()
    dead = aws.message_ids(aws.dead_letter_queue_url)
    for message_id, case in message_ids.items():
        places = tuple(_write_mails(case, sent, folder))
        if message_id in dead:
            places += (DEAD_LETTER,)
        yield Result(case, logs.outcomes(case), places)


def table(results: list[Result]) -> Table:
    """Show the results as a table."""
    shown = Table(title="Results")
    for heading in ("mail", "to", "expected", "actual", "now in"):
        shown.add_column(heading, overflow="fold")
    for result in results:
        shown.add_row(
            result.case.name,
            ", ".join(result.case.masks),
            "\n".join(result.expected),
            ("" if result.is_expected else "✗ ") + "\n".join(result.outcomes or ("nothing",)),
            "\n".join(result.places),
            style=None if result.is_expected else "red",
        )
    return shown


def _write_mails(case: Case, sent: list[SentMail], folder: Path) -> Iterator[str]:
    if case.rejected:
        return
    forwarded = [mail for mail in sent if mail.sender.split("@")[0] in case.masks]
    for number, mail in enumerate(forwarded, start=1):
        name = f"{case.name.lower().replace(' ', '-')}-{number}.eml"
        (folder / name).write_bytes(mail.raw)
        yield name
