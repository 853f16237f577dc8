"""A fake of SNS's certificate host on loopback: TLS, with raw answers set by tests."""

import http.client
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import TracebackType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from urllib3.connection import HTTPSConnection

from bridge.sns.certificates import CertificateUnavailable, Connect, FetchedCertificates
from tests.unit.bridge.envelopes import our_signer

HOSTS = ("sns.us-east-1.amazonaws.com", "sns.eu-west-1.amazonaws.com")
HOST = HOSTS[0]
GENUINE = our_signer().certificate
PEM = our_signer().pem
URL = our_signer().url
FILE = URL.rsplit("/", 1)[-1]
A_MOMENT = timedelta(seconds=1)
A_MINUTE = timedelta(minutes=1)

Route = Callable[[float], socket.socket]
"""Opens a connection, with a timeout in seconds."""

Answer = Callable[[socket.socket], None]
"""Answers on a connection whose request was read."""


class CertificateHost:
    """Serves connections one at a time in a thread, each with the current `answer`.

    The thread appends to `requests` (host and path); tests read it after the answers.
    """

    def __init__(self, answer: Answer, names: tuple[str, ...] = HOSTS) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self._tls = _server_context(names)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "CertificateHost":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._thread.join(5)
        self._listener.close()

    @property
    def address(self) -> tuple[str, int]:
        """The address it listens on."""
        host, port = self._listener.getsockname()
        return host, port

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(5)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                with self._tls.wrap_socket(plain, server_side=True) as sock:
                    self.requests.append(_read_request(sock))
                    self.answer(sock)
            except OSError:
                continue  # the client disconnected


def _read_request(sock: ssl.SSLSocket) -> str:
    with sock.makefile("rb") as file:
        first_line = file.readline()
        if not first_line:
            raise ConnectionError("the client disconnected without a request")
        path = first_line.split()[1].decode()
        return http.client.parse_headers(file)["Host"] + path


def answer_of(body: bytes, status: str = "200 OK", *headers: str) -> Answer:
    """Send a complete HTTP response, and close the connection cleanly."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def raw(data: bytes, *, cut: bool = False) -> Answer:
    """Send bytes; then close TLS cleanly, or just drop the connection (`cut`)."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(data)
        if not cut:
            assert isinstance(sock, ssl.SSLSocket)
            sock.unwrap()

    return answer


def dripping(start: bytes, drop: bytes) -> Answer:
    """Send `start`, then `drop` every 20 ms until the client disconnects."""

    def answer(sock: socket.socket) -> None:
        pause = threading.Event()
        sock.sendall(start)
        while not pause.wait(0.02):
            sock.sendall(drop)

    return answer


def silent(sock: socket.socket) -> None:
    """Send nothing until the client disconnects."""
    sock.recv(1)


@cache
def _server_identity(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Create the host's certificate; return it alone, and with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(host) for host in names])
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + timedelta(days=30))
        .add_extension(alternatives, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, pem + private


def _server_context(names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "host.pem"
        path.write_bytes(_server_identity(names)[1])
        context.load_cert_chain(path)
    return context


class _Rerouted(HTTPSConnection):
    """A connection that uses `route` instead of DNS and TCP; TLS still checks the name."""

    def __init__(self, host: str, route: Route, seconds: float, tls: ssl.SSLContext) -> None:
        super().__init__(host, timeout=seconds, ssl_context=tls)
        self._route, self._seconds = route, seconds

    def _new_conn(self) -> socket.socket:
        return self._route(self._seconds)


def rerouted(route: Route, tls: ssl.SSLContext | None = None) -> Connect:
    """Return a `Connect` that uses `route`. Without `tls`, it trusts the system's CAs."""
    context = tls or ssl.create_default_context()
    return lambda host, seconds: _Rerouted(host, route, seconds, context)


def route_to(host: CertificateHost) -> Route:
    """Return a route to `host`, whatever the name."""
    return lambda seconds: socket.create_connection(host.address, timeout=seconds)


def fetching_from(host: CertificateHost, download_seconds: float = 5) -> FetchedCertificates:
    """Make the bridge's certificate store, fetching from `host` instead of SNS."""
    connect = rerouted(route_to(host), trusting())
    return FetchedCertificates(connect=connect, download_seconds=download_seconds)


def unavailable(act: Callable[[], object]) -> CertificateUnavailable:
    """Return the `CertificateUnavailable` that `act` must raise."""
    with pytest.raises(CertificateUnavailable) as caught:
        act()
    return caught.value


def trusting(names: tuple[str, ...] = HOSTS) -> ssl.SSLContext:
    """Make a client context that trusts only the certificate of the host with these names."""
    return ssl.create_default_context(cadata=_server_identity(names)[0].decode())
