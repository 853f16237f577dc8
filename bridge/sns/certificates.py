"""SNS's signing certificates: downloaded, or read from a folder, and kept for a while.

A certificate that can't be had says nothing about the message: it stays in SQS, and is looked at
again. So a host that is down, or that answers anything but "200 OK", makes
`CertificateUnavailable`, and never a reject. Even "404 Not Found" does: a forger may have made the
file's name up, but it may as well be a new certificate that hasn't reached all of SNS's servers,
and rejected messages may be deleted. Only a whole file that SNS gave and that is no certificate to
trust is a reject.

Certificates are kept in this process only, where nobody else can plant one. A forger can name as
many files on SNS's own host as he likes; only a few that can't be had are tried, and then, for a
minute, no unknown one. Those that are known go on working.
"""

import copy
import http.client
import io
import socket
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509

from bridge.sns.reject_reasons import Rejected
from bridge.sns.signature import MAX_PEM_BYTES, CertificateUrl, certificate_url, load_certificate

MAX_KEPT = 16
"""SNS signs with one certificate a region, and for a while with two."""

MAX_FAILURES = 4
FAILURE_AGE = timedelta(minutes=1)
"""How many certificates that can't be had are tried, and for how long that is remembered. Each can
take `DOWNLOAD_SECONDS`, during which no message is verified."""

MAX_ANSWER_BYTES = 64 * 1024
"""Of a host's whole answer, its headers and chunks among it."""

DOWNLOAD_SECONDS = 5.0
"""From the connection's start to the answer's last byte. Looking the host's name up comes before,
and is bounded by the machine's resolver; a host with several addresses gets this time for each."""


class CertificateUnavailable(Exception):
    """The certificate can't be had at present: a passing failure, so the message stays."""


class Certificates(Protocol):
    """Where signing certificates come from."""

    def get(self, url: str, now: datetime) -> x509.Certificate:
        """Give the certificate that SNS publishes at `url`.

        Raises `CertificateUnavailable`, or `Rejected` for a URL that isn't SNS's and for a
        certificate that isn't to be trusted. Its dates are for the caller to check.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    certificate: x509.Certificate
    until: datetime


@dataclass(frozen=True, slots=True)
class _Failure:
    error: CertificateUnavailable | Rejected
    until: datetime


class _KeptCertificates(ABC):
    """What a source gave, kept by its whole URL until it is `max_age` old; the failures as well.

    One thread at a time: the lock is held while the source is asked, so that nobody asks twice.
    """

    def __init__(self, max_age: timedelta) -> None:
        self._max_age = max_age
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # the one used last is at the end
        self._failures: dict[str, _Failure] = {}

    @abstractmethod
    def _load(self, place: CertificateUrl) -> x509.Certificate:
        """Get the certificate from its source; raises as `Certificates.get` does."""

    def get(self, url: str, now: datetime) -> x509.Certificate:
        place = certificate_url(url)
        with self._lock:
            kept = self._kept.get(url)
            if kept is None or kept.until <= now:
                kept = self._ask_source(url, place, now)
            self._kept.move_to_end(url)
            return kept.certificate

    def _ask_source(self, url: str, place: CertificateUrl, now: datetime) -> _Kept:
        self._recall_failure(url, now)
        try:
            certificate = self._load(place)
        except (CertificateUnavailable, Rejected) as error:
            # A copy, without the traceback: its frames would be kept, too.
            self._failures[url] = _Failure(copy.copy(error), now + FAILURE_AGE)
            raise
        self._kept[url] = kept = _Kept(certificate, now + self._max_age)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return kept

    def _recall_failure(self, url: str, now: datetime) -> None:
        """Raise what the source raised a moment ago, rather than ask it again."""
        recent = {u: failure for u, failure in self._failures.items() if now < failure.until}
        self._failures = recent
        if url in recent:
            raise copy.copy(recent[url].error)
        # Those once had are always asked for again, or forgers could keep them from being renewed.
        if len(recent) >= MAX_FAILURES and url not in self._kept:
            raise CertificateUnavailable("too many others can't be had at present")


class PinnedCertificates(_KeptCertificates):
    """Certificates that an operator put into a folder, under the file names they have at SNS.

    Nothing is downloaded. A file that isn't there, or isn't right, is mended by adding it, which
    is noticed within a minute; until then its messages stay. Were they rejected, an operator who
    has rejects deleted would lose all mail on the day when SNS changes its certificate.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(max_age=timedelta(minutes=1))
        self._folder = folder

    def _load(self, place: CertificateUrl) -> x509.Certificate:
        try:
            with (self._folder / place.file_name).open("rb") as file:
                pem = file.read(MAX_PEM_BYTES + 1)
            return load_certificate(pem)
        except FileNotFoundError as error:
            raise CertificateUnavailable(f"{place.file_name} isn't in the folder") from error
        except OSError as error:
            detail = f"{place.file_name}: {type(error).__name__}"
            raise CertificateUnavailable(detail) from error
        except Rejected as error:
            raise CertificateUnavailable(f"{place.file_name}: {error.detail}") from error


Connect = Callable[[str, float], socket.socket]
"""Opens a connection to a host's port 443, with a timeout in seconds."""


def _connect(host: str, timeout_seconds: float) -> socket.socket:
    return socket.create_connection((host, 443), timeout=timeout_seconds)


class FetchedCertificates(_KeptCertificates):
    """Certificates downloaded from SNS's host, which the system's CAs must vouch for.

    Redirects and proxies aren't followed: where SNS can't be reached directly, pin certificates.
    """

    def __init__(
        self,
        *,
        connect: Connect = _connect,
        tls: ssl.SSLContext | None = None,
        download_seconds: float = DOWNLOAD_SECONDS,
    ) -> None:
        super().__init__(max_age=timedelta(hours=12))
        self._connect = connect
        self._tls = tls or ssl.create_default_context()
        self._download_seconds = download_seconds

    def _load(self, place: CertificateUrl) -> x509.Certificate:
        try:
            return load_certificate(self._download(place))
        except (OSError, http.client.HTTPException, ValueError) as error:
            # ValueError: http.client believes in chunks of a negative size, its buffer doesn't.
            detail = f"{place.host}: {type(error).__name__}"
            raise CertificateUnavailable(detail) from error

    def _download(self, place: CertificateUrl) -> bytes:
        deadline = _Deadline(self._download_seconds)
        with self._connect(place.host, deadline.left_seconds()) as plain:
            plain.settimeout(deadline.left_seconds())
            # Without `suppress_ragged_eofs` a connection that was cut looks like the answer's end.
            with self._tls.wrap_socket(
                plain, server_hostname=place.host, suppress_ragged_eofs=False
            ) as sock:
                sock.settimeout(deadline.left_seconds())
                sock.sendall(_request(place))
                return _read_answer(place, _DeadlineReader(sock, deadline))


def _request(place: CertificateUrl) -> bytes:
    lines = (
        f"GET /{place.file_name} HTTP/1.1",
        f"Host: {place.host}",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _read_answer(place: CertificateUrl, reader: "_DeadlineReader") -> bytes:
    """Read an HTTP answer whose body is a PEM file; one byte more than allowed is enough to see."""
    # http.client wants of its socket nothing but `makefile`.
    with http.client.HTTPResponse(reader, method="GET") as answer:  # type: ignore[arg-type]
        answer.begin()
        if answer.status != http.client.OK:
            raise CertificateUnavailable(f"{place.host} answered {answer.status}")
        body = answer.read(MAX_PEM_BYTES + 1)
        if len(body) <= MAX_PEM_BYTES and answer.length:
            raise http.client.IncompleteRead(body, answer.length)
        return body


class _Deadline:
    """A moment on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left_seconds(self) -> float:
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until the deadline, however slowly they drip: a timeout is for each read.

    And only so many of them, whatever the answer says of its own size.
    """

    def __init__(self, sock: ssl.SSLSocket, deadline: _Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline
        self._left_bytes = MAX_ANSWER_BYTES

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._sock.settimeout(self._deadline.left_seconds())
        received = self._sock.recv_into(buffer)
        self._left_bytes -= received
        if self._left_bytes < 0:
            raise http.client.HTTPException
        return received
