"""The lists of trackers: one is shipped, more are fetched or put beside them by the operator."""

from pathlib import Path

from emails.mime.trackers import parse_list

UPDATED = "updated.txt"
"""What `manage.py update_tracker_lists` writes. Other files in its folder are the operator's."""

_SHIPPED = Path(__file__).parent / "shipped.txt"


def load(folder: Path | None) -> frozenset[str]:
    """Read the shipped list, and all `*.txt` in the folder. Raises `OSError`.

    What stands there as text in no known form is left out, as `parse_list` says.
    """
    files = [_SHIPPED, *(sorted(folder.glob("*.txt")) if folder else ())]
    return frozenset[str]().union(*map(read, files))


def read(file: Path) -> frozenset[str]:
    """Read one list. Raises `OSError`."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        return parse_list(lines)
