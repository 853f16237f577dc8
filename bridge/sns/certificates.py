"""SNS's signing certificates: downloaded, or read from a folder, and cached.

An unavailable certificate says nothing about the message, which stays in SQS for another try. So a
host that is down, or answers anything but "200 OK", raises `CertificateUnavailable` and causes no
reject. That includes "404 Not Found": the file's name may be forged, but it may also be a new
certificate that hasn't reached all of SNS's servers, and rejected messages may be deleted. The
error tells the two kinds apart: a forger can invent a name, but not take SNS's host down. Only a
complete file from SNS that is not a trustworthy certificate causes a reject.

The cache is in this process, where nobody else can plant a certificate. A forger can name any
number of files on SNS's host; after a few that don't exist, few unknown files are tried
(`certificate_tries.py`), while known certificates keep working. A host that is down is asked again
after a second, for any file: many messages wait for it.
"""

import copy
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from cryptography import x509
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from bridge.sns.certificate_tries import FAILURE_AGE, Tries
from bridge.sns.reject_reasons import Rejected
from bridge.sns.signature import MAX_PEM_BYTES, CertificateUrl, certificate_url, load_certificate

MAX_KEPT = 16
"""SNS signs with one certificate per region, or two during a change."""

HOST_FAILURE_AGE = timedelta(seconds=1)
"""How long no file is requested from a host that failed, so that a batch costs one try."""

DOWNLOAD_SECONDS = 5.0
"""The limit for each address of the host, then for the TLS handshake; the whole try is abandoned
once this has passed and the connection is open. The name lookup is bounded by the machine's
resolver."""


_ABOUT_THE_FILE = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""What a host that works answers to an invented name. (S3 answers 403 to who may not list.)"""


class CertificateUnavailable(Exception):
    """The certificate is unavailable for now, so the message must stay in SQS.

    `code` is for operators. `may_be_forged` tells that there is no such file, so that a message
    with an invented name fails like this.
    """

    def __init__(self, detail: str, *, code: str = "", may_be_forged: bool = False) -> None:
        super().__init__(detail)
        self.code = code
        self.may_be_forged = may_be_forged


class HostUnavailable(CertificateUnavailable):
    """The host that has all certificates is down, or can't be reached."""


class Certificates(Protocol):
    """A source of signing certificates."""

    def get(self, url: str, now: datetime) -> x509.Certificate:
        """Return the certificate that SNS publishes at `url`.

        Raises `CertificateUnavailable`, or `Rejected` for a URL that isn't SNS's or a certificate
        that can't be trusted. The caller checks its dates.
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
    """A cache of certificates by URL, each for `max_age`; failures are cached as well: of a file
    by its URL for `failure_age`, of a host for a second.

    One thread at a time: the lock is held while the source is asked, so no file is requested twice.
    """

    def __init__(self, max_age: timedelta, failure_age: timedelta) -> None:
        self._max_age = max_age
        self._failure_age = failure_age
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # the one used last is at the end
        self._failures: dict[str, _Failure] = {}
        self._tries = Tries()

    @abstractmethod
    def _load(self, place: CertificateUrl) -> x509.Certificate:
        """Load the certificate from its source; raises as `Certificates.get` does."""

    def get(self, url: str, now: datetime) -> x509.Certificate:
        place = certificate_url(url)
        with self._lock:
            kept = self._kept.get(url)
            if kept is None or kept.until <= now:
                kept = self._ask_source(url, place, now)
            self._kept.move_to_end(url)
            return kept.certificate

    def _ask_source(self, url: str, place: CertificateUrl, now: datetime) -> _Kept:
        self._recall_failure(url, place, now)
        try:
            certificate = self._load(place)
        except (CertificateUnavailable, Rejected) as error:
            is_hosts = isinstance(error, HostUnavailable)
            until = now + (HOST_FAILURE_AGE if is_hosts else self._failure_age)
            # A copy without the traceback, which would keep its frames alive.
            self._failures[place.host if is_hosts else url] = _Failure(copy.copy(error), until)
            if not is_hosts:
                self._tries.failed(place.host, place.file_name, until)
            raise
        self._kept[url] = kept = _Kept(certificate, now + self._max_age)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return kept

    def _recall_failure(self, url: str, place: CertificateUrl, now: datetime) -> None:
        """Raise the source's recent error for this URL or host instead of asking again."""
        recent = {u: failure for u, failure in self._failures.items() if now < failure.until}
        self._failures = recent
        for name in (place.host, url):
            if name in recent:
                raise copy.copy(recent[name].error)
        # A known certificate is always renewed, or forgers could prevent that.
        is_known = url in self._kept
        if not (is_known or self._tries.may_try(place.host, place.file_name, now)):
            raise CertificateUnavailable("too many others are unavailable", may_be_forged=True)


class PinnedCertificates(_KeptCertificates):
    """Certificates that an operator put into a folder, under SNS's file names.

    Nothing is downloaded. A missing or wrong file makes its messages wait; once the operator adds
    it, it is found within a second. If its messages were rejected instead, an operator who deletes
    rejects would lose all mail on the day SNS changes its certificate.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(max_age=timedelta(minutes=1), failure_age=HOST_FAILURE_AGE)
        self._folder = folder

    def _load(self, place: CertificateUrl) -> x509.Certificate:
        try:
            with (self._folder / place.file_name).open("rb") as file:
                pem = file.read(MAX_PEM_BYTES + 1)
            return load_certificate(pem)
        except FileNotFoundError as error:
            if not self._folder.is_dir():
                raise HostUnavailable("there is no folder", code="no_folder") from error
            detail = f"{place.file_name} isn't in the folder"
            raise CertificateUnavailable(detail, may_be_forged=True) from error
        except OSError as error:
            code = type(error).__name__
            raise CertificateUnavailable(f"{place.file_name}: {code}", code=code) from error
        except Rejected as error:
            detail = f"{place.file_name}: {error.detail}"
            raise CertificateUnavailable(detail, code="wrong_file") from error


Connect = Callable[[str, float], HTTPSConnection]
"""Makes a connection to a host, not yet opened, with a timeout in seconds for each step."""


def _connection(host: str, timeout_seconds: float) -> HTTPSConnection:
    return HTTPSConnection(host, timeout=timeout_seconds, ssl_context=ssl.create_default_context())


class FetchedCertificates(_KeptCertificates):
    """Certificates downloaded from SNS's host, which the system's CAs must vouch for.

    No redirect or proxy is followed: where SNS can't be reached directly, pin certificates.
    """

    def __init__(
        self, *, connect: Connect = _connection, download_seconds: float = DOWNLOAD_SECONDS
    ) -> None:
        super().__init__(max_age=timedelta(hours=12), failure_age=FAILURE_AGE)
        self._connect = connect
        self._download_seconds = download_seconds

    def _load(self, place: CertificateUrl) -> x509.Certificate:
        connection = self._connect(place.host, self._download_seconds)
        try:
            with closing(connection), _deadline(self._download_seconds) as watch:
                connection.connect()
                watch(connection.sock)
                return _download(connection, place)
        except (OSError, HTTPException, HTTPError, ValueError) as error:
            # ValueError: http.client accepts a chunk of a negative size, and fails to read it.
            code = type(error).__name__
            raise HostUnavailable(f"{place.host}: {code}", code=code) from error


def _download(connection: HTTPSConnection, place: CertificateUrl) -> x509.Certificate:
    path, headers = f"/{place.file_name}", {"Accept-Encoding": "identity"}
    connection.request("GET", path, headers=headers, preload_content=False)
    with closing(connection.getresponse()) as answer:
        if answer.status != HTTPStatus.OK:
            raise _refusal(place.host, answer.status)
        has_end = answer.length_remaining is not None or answer.chunked
        pem = answer.read(MAX_PEM_BYTES + 1)  # one byte past the limit, to detect oversize
    try:
        return load_certificate(pem)
    except Rejected:
        if has_end or len(pem) > MAX_PEM_BYTES:
            raise
        detail = f"{place.host}: the file may have been cut"
        raise HostUnavailable(detail, code="cut_file") from None


def _refusal(host: str, status: int) -> CertificateUnavailable:
    detail, code = f"{host} answered {status}", str(status)
    if status in _ABOUT_THE_FILE:
        return CertificateUnavailable(detail, code=code, may_be_forged=True)
    return HostUnavailable(detail, code=code)


@contextmanager
def _deadline(seconds: float) -> Iterator[Callable[[socket.socket], None]]:
    """Cut the connections that are watched at a deadline, and raise `TimeoutError` then.

    A connection's own timeout is for each read, which a host that drips never exceeds. One that was
    opened only after the deadline isn't read from at all.
    """
    overdue = threading.Event()
    watched: list[socket.socket] = []

    def watch(sock: socket.socket) -> None:
        watched.append(sock)
        if overdue.is_set():
            raise TimeoutError

    def cut() -> None:
        overdue.set()
        for sock in watched:
            with suppress(OSError):
                # Not SSLSocket's own method: the other thread would read on in the clear.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    except Exception as error:
        if overdue.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


def certificates_of(folder: Path | None) -> Certificates:
    """Return the source that the setting asks for: a folder, or SNS's host."""
    return PinnedCertificates(folder) if folder else FetchedCertificates()
