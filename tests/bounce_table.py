"""The table of what providers say when they don't take a mail: tests/golden/bounces.tsv."""

from dataclasses import dataclass
from pathlib import Path

from emails.values.mailboxes import BounceMeaning

TABLE = Path(__file__).parent / "golden" / "bounces.tsv"


@dataclass(frozen=True)
class Row:
    """One bounce as SES reports it, and its meaning. `source` is a key of SOURCES in its test."""

    expected: BounceMeaning
    source: str
    kind: str
    subkind: str
    action: str
    status: str
    diagnostic: str


def read_rows() -> list[Row]:
    lines = (line for line in TABLE.read_text(encoding="utf-8").splitlines() if line)
    cells = [line.split("\t") for line in lines if not line.startswith("#")]
    return [
        Row(BounceMeaning(expected), *("" if cell == "-" else cell for cell in rest))
        for expected, *rest in cells
    ]


ROWS = read_rows()
