"""Tells the worker processes of this host at once, and for certain, which of them have died.

A process locks a file of its own for as long as it lives. The kernel ends the lock with the
process, whatever killed it, and a suspended process keeps it. So who gets the lock of another's
file knows that its owner is dead. What a death leads to is done under that lock, by one process,
and then the file is removed.

The folder is for one user's workers on one Redis. It is in the temporary folder (`TMPDIR`), which
must be local: a network's file system may end the locks of the living. A death that nobody notices
here, such as that of a whole host, is noticed by the process's silence.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

_UNFINISHED = "."


class LifeLocks:
    """The locks in one folder. All methods raise `OSError` if it can't be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: tuple[Path, int] | None = None

    def hold(self, name: str, note: str) -> None:
        """Lock a file of this name until the process ends; `note` is for those who find it dead."""
        self._make_folder()
        unfinished, path = self._folder / f"{_UNFINISHED}{name}", self._folder / name
        file = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(file, note.encode())
        fcntl.flock(file, fcntl.LOCK_EX)
        # Only now can others find it: before, it would look like a dead process's.
        unfinished.rename(path)
        self._own = path, file

    def release(self) -> None:
        """Remove the file of this process, which ends in order."""
        if self._own is not None:
            path, file = self._own
            self._own = None
            path.unlink(missing_ok=True)
            os.close(file)

    def bury_dead(self, bury: Callable[[str, str], None]) -> list[str]:
        """Call `bury` with name and note of each dead process; returns their names.

        If it raises, this process or another one tries again at its next look.
        """
        buried = []
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith(_UNFINISHED):
                continue
            with _locked(path) as file:
                if file is not None:
                    bury(path.name, os.read(file, 1000).decode())
                    path.unlink()
                    buried.append(path.name)
        return buried

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            # Somebody else could declare living processes dead.
            raise PermissionError(f"{self._folder} is not ours alone")


def folder_for(redis_url: str) -> Path:
    """Return the folder of the workers of this user that share a Redis."""
    parts = urlsplit(redis_url)
    # Without the password, which a short hash does not protect.
    shared = sha256(f"{parts.hostname}:{parts.port}{parts.path}".encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"relay-workers-{os.getuid()}-{shared}"


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """Open and lock a file; gives None if its owner lives, or another process buries it."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file if path.exists() else None
    finally:
        os.close(file)
