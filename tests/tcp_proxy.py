"""A TCP proxy whose destination changes, as the address of a managed Redis does at a failover."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit, urlunsplit


class TcpProxy:
    """Forwards connections to a loopback port. Open ones stay where they are.

    accepting thread   hands each connection to two threads, one for each direction
    `_lock`            guards the destination and the open connections
    """

    def __init__(self, port: int) -> None:
        self._lock = threading.Lock()
        self._leads_to = port
        self._open: dict[socket.socket, int] = {}
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, behind: str) -> str:
        """Return the URL of a server behind this proxy, with the proxy's address in it."""
        port: int = self._server.getsockname()[1]
        return urlunsplit(urlsplit(behind)._replace(netloc=f"127.0.0.1:{port}"))

    def lead_to(self, port: int) -> None:
        """Forward new connections to another port."""
        with self._lock:
            self._leads_to = port

    def connections_to(self, port: int) -> int:
        """Count the open connections to a port."""
        with self._lock:
            return sum(leads_to == port for leads_to in self._open.values())

    def close(self) -> None:
        """Cut all connections, and accept no more."""
        self._server.close()
        with self._lock:
            for client in self._open:
                _shut(client)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                self._forward(client)

    def _forward(self, client: socket.socket) -> None:
        with self._lock:
            port = self._leads_to
            self._open[client] = port
        try:
            server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            self._end(client)
            return
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink, client), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        _shut(source)
        _shut(sink)
        self._end(client)

    def _end(self, client: socket.socket) -> None:
        _shut(client)
        with self._lock:
            self._open.pop(client, None)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
