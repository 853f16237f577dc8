"""Which process is wired to which server: one wire each, so that each may fail alone."""

from collections.abc import Iterator
from enum import StrEnum
from urllib.parse import urlsplit

from tests.lab.wires import Trouble, Wire
from tools.local.aws import SimulatedAws
from tools.local.postgres import LocalPostgres


class Server(StrEnum):
    """What processes connect to."""

    REDIS = "redis"
    POSTGRES = "postgres"
    SQS = "sqs"
    S3 = "s3"
    SES = "ses"


_NEEDED = {
    "bridge": (Server.REDIS, Server.SQS),
    "workers": (Server.REDIS, Server.POSTGRES, Server.S3, Server.SES),
}
_SETTINGS = {
    Server.REDIS: "REDIS_URL",
    Server.POSTGRES: "DATABASE_URL",
    Server.SQS: "AWS_ENDPOINT_URL_SQS",
    Server.S3: "AWS_ENDPOINT_URL_S3",
    Server.SES: "AWS_ENDPOINT_URL_SESV2",
}


class Wiring:
    """All wires, by process and server. A process that is restarted keeps its own."""

    def __init__(
        self, aws: SimulatedAws, redis_url: str, postgres: LocalPostgres, database: str
    ) -> None:
        self._urls = dict.fromkeys(Server, aws.endpoint) | {
            Server.REDIS: redis_url,
            # The wire is TCP, whatever the server listens on.
            Server.POSTGRES: f"postgresql://postgres@127.0.0.1/{database}",
        }
        self._postgres = postgres
        self._wires: dict[tuple[str, Server], Wire] = {}

    def settings(self, process: str) -> dict[str, str]:
        """Return the settings that lead a process through wires: `bridge…` or `workers…`."""
        kind = process.split("-")[0]
        return {
            _SETTINGS[server]: self._wire(process, server).url(self._urls[server])
            for server in _NEEDED[kind]
        }

    def to(self, server: Server, process: str = "") -> Iterator[Wire]:
        """Yield the wires to a server: those of the processes whose names begin so."""
        for (name, to), wire in list(self._wires.items()):
            if to is server and name.startswith(process):
                yield wire

    def suffer(self, server: Server, trouble: Trouble, process: str = "") -> None:
        """Put such wires in trouble; see `Wire.suffer`."""
        for wire in self.to(server, process):
            wire.suffer(trouble)

    def cut(self, server: Server, process: str = "") -> None:
        """Reset the open connections of such wires."""
        for wire in self.to(server, process):
            wire.cut()

    def close(self) -> None:
        """Close them all."""
        for wire in self._wires.values():
            wire.close()

    def _wire(self, process: str, server: Server) -> Wire:
        place = process, server
        if place not in self._wires:
            port = urlsplit(self._urls[server]).port
            target = self._postgres.socket_path if server is Server.POSTGRES else port
            assert target is not None, f"{server} listens on no port"
            self._wires[place] = Wire(target)
        return self._wires[place]
