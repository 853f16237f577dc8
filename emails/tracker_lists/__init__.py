"""The tracker lists: one is shipped; operators can download or add more."""

from pathlib import Path

from emails.mime.trackers import parse_list

UPDATED = "updated.txt"
"""The file that `manage.py update_tracker_lists` writes; it leaves the folder's others alone."""

_SHIPPED = Path(__file__).parent / "shipped.txt"


def load(folder: Path | None) -> frozenset[str]:
    """Read the shipped list and all `*.txt` in the folder. Raises `OSError`.

    Skips lines in unknown formats, see `parse_list`.
    """
    files = [_SHIPPED, *(sorted(folder.glob("*.txt")) if folder else ())]
    return frozenset[str]().union(*map(read, files))


def read(file: Path) -> frozenset[str]:
    """Read one list. Raises `OSError`."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        return parse_list(lines)
