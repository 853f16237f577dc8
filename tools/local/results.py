"""What became of the demo's mails: gathered from the logs, SES and the queues, then judged."""

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
    """What became of one case: its outcomes by the logs, and where its mails or messages are."""

    case: Case
    became: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def expected(self) -> tuple[str, ...]:
        """What must become of it."""
        if self.case.rejected:
            return (f"rejected/{self.case.rejected}",)
        return self.case.outcomes

    @property
    def is_right(self) -> bool:
        """Tell whether it ended as it must, and each forwarded mail was sent once."""
        return Counter(self.became) == Counter(self.expected) and self._is_where_it_belongs()

    def _is_where_it_belongs(self) -> bool:
        if self.case.rejected:
            return self.places == (DEAD_LETTER,)
        forwarded = sum(outcome.startswith("forwarded/") for outcome in self.expected)
        return len(self.places) == forwarded and DEAD_LETTER not in self.places


def gather(
    message_ids: dict[str, Case], aws: SimulatedAws, logs: Logs, folder: Path
) -> Iterator[Result]:
    """Give the result of each case; writes the mails that were sent into the folder, anew."""
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
    """Lay the results out for people."""
    laid_out = Table(title="What became of each mail")
    for heading in ("mail", "to", "expected", "became", "now in"):
        laid_out.add_column(heading, overflow="fold")
    for result in results:
        laid_out.add_row(
            result.case.name,
            ", ".join(result.case.masks),
            "\n".join(result.expected),
            ("" if result.is_right else "✗ ") + "\n".join(result.became or ("nothing",)),
            "\n".join(result.places),
            style=None if result.is_right else "red",
        )
    return laid_out


def _write_mails(case: Case, sent: list[SentMail], folder: Path) -> Iterator[str]:
    if case.rejected:
        return
    of_case = [mail for mail in sent if mail.sender.split("@")[0] in case.masks]
    for number, mail in enumerate(of_case, start=1):
        name = f"{case.name.lower().replace(' ', '-')}-{number}.eml"
        (folder / name).write_bytes(mail.raw)
        yield name
