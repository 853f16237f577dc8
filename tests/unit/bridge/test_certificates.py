"""Certificates from SNS's host: what is had, what makes messages wait, and what is rejected.

The host is a real one, with TLS, on loopback; only the way to its address is ours.
"""

import socket
import threading
from datetime import timedelta
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from bridge.sns.certificates import FetchedCertificates
from bridge.sns.reject_reasons import RejectReason
from bridge.sns.signature import MAX_PEM_BYTES, verify
from tests.unit.bridge.certificate_host import (
    A_MINUTE,
    FILE,
    GENUINE,
    HOST,
    HOSTS,
    PEM,
    URL,
    Answer,
    CertificateHost,
    Route,
    answer_of,
    dripping,
    fetching_from,
    raw,
    rerouted,
    route_to,
    silent,
    trusting,
    unavailable,
)
from tests.unit.bridge.envelopes import (
    NOW,
    a_notification,
    an_ec_certificate,
    authenticate,
    rejection,
)
from tools.local.signing import Signer


def test_a_certificate_is_downloaded_once_and_verifies(host: CertificateHost) -> None:
    certificates = fetching_from(host)

    for _ in range(3):
        fetched = certificates.get(URL, NOW)
        envelope = authenticate(a_notification(), certificate=fetched)
        verify(envelope, fetched, NOW)
    assert host.requests == [f"{HOST}/{FILE}"]


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"HTTP/1.0 200 OK\r\n\r\n" + PEM),
        raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(PEM), PEM)
        ),
    ],
    ids=["without a length", "in chunks"],
)
def test_other_ways_to_send_a_file_will_do(host: CertificateHost, answer: Answer) -> None:
    host.answer = answer

    assert fetching_from(host).get(URL, NOW) == GENUINE


NO_CERTIFICATE: dict[str, Answer] = {
    "a redirect": answer_of(PEM, "302 Found", f"Location: https://{HOSTS[1]}/x.pem"),
    "a lasting redirect": answer_of(b"", "301 Moved Permanently", f"Location: {URL}"),
    "not found": answer_of(PEM, "404 Not Found"),
    "forbidden": answer_of(PEM, "403 Forbidden"),
    "no content": answer_of(b"", "204 No Content"),
    "a failure": answer_of(PEM, "500 Internal Server Error"),
    "too busy": answer_of(PEM, "503 Slow Down"),
    "no answer": raw(b""),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a header that never ends": raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000),
    "too many headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1_000),
    "half a file": raw(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PEM) + PEM[: len(PEM) // 2]
    ),
    "half a chunk": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + PEM),
    "a chunk of a negative size": raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + PEM
    ),
    "a cut connection": raw(b"HTTP/1.1 200 OK\r\n\r\n" + PEM[:100], cut=True),
}


@pytest.mark.parametrize("answer", NO_CERTIFICATE.values(), ids=NO_CERTIFICATE.keys())
def test_an_answer_without_a_certificate_is_a_passing_failure(
    host: CertificateHost, answer: Answer
) -> None:
    host.answer = answer
    certificates = fetching_from(host)

    failure = unavailable(lambda: certificates.get(URL, NOW))

    assert str(failure).startswith(HOST)
    assert len(host.requests) == 1  # above all, where a redirect leads isn't visited
    host.answer = answer_of(PEM)
    assert certificates.get(URL, NOW + A_MINUTE) == GENUINE


SLOW: dict[str, Answer] = {
    "silence": silent,
    "headers": dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "interim answers": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the body": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "a chunk of all that comes": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b"x"
    ),
    "the body, of known length": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW.keys())
@pytest.mark.timeout(10)
def test_an_answer_that_drips_is_cut_off_at_the_deadline(
    host: CertificateHost, answer: Answer
) -> None:
    host.answer = answer
    certificates = fetching_from(host, download_seconds=0.2)

    assert str(unavailable(lambda: certificates.get(URL, NOW))) == f"{HOST}: TimeoutError"


@pytest.mark.timeout(10)
def test_a_host_that_takes_the_connection_and_says_nothing_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        certificates = FetchedCertificates(
            connect=rerouted(
                lambda seconds: socket.create_connection(mute.getsockname(), seconds), trusting()
            ),
            download_seconds=0.2,
        )

        assert str(unavailable(lambda: certificates.get(URL, NOW))) == f"{HOST}: TimeoutError"


@pytest.mark.timeout(10)
def test_a_connection_that_opens_only_after_the_deadline_is_cut(
    host: CertificateHost,
) -> None:
    """Each step has its own timeout: a slow connection may use up the time for all of them."""
    host.answer = SLOW["the body"]
    lead = route_to(host)

    def detour(timeout_seconds: float) -> socket.socket:
        threading.Event().wait(2 * timeout_seconds)
        return lead(5)

    certificates = FetchedCertificates(connect=rerouted(detour, trusting()), download_seconds=0.1)

    assert str(unavailable(lambda: certificates.get(URL, NOW))) == f"{HOST}: TimeoutError"


def refused(timeout_seconds: float) -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    return socket.create_connection(address, timeout_seconds)


def unresolved(_timeout_seconds: float) -> NoReturn:
    raise socket.gaierror


@pytest.mark.parametrize(
    ("route", "error"), [(refused, "ConnectionRefusedError"), (unresolved, "gaierror")]
)
def test_a_host_that_is_down_is_a_passing_failure(route: Route, error: str) -> None:
    certificates = FetchedCertificates(connect=rerouted(route, trusting()))

    assert str(unavailable(lambda: certificates.get(URL, NOW))) == f"{HOST}: {error}"


def test_a_host_that_no_authority_vouches_for_is_not_asked(host: CertificateHost) -> None:
    certificates = FetchedCertificates(connect=rerouted(route_to(host)))

    assert "SSLCertVerificationError" in str(unavailable(lambda: certificates.get(URL, NOW)))
    assert host.requests == []


def test_a_host_of_another_name_is_not_asked() -> None:
    names = ("attacker.example",)
    with CertificateHost(answer_of(PEM), names) as host:
        certificates = FetchedCertificates(connect=rerouted(route_to(host), trusting(names)))

        assert "SSLCertVerificationError" in str(unavailable(lambda: certificates.get(URL, NOW)))
        assert host.requests == []


ENDLESS = dripping(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * MAX_PEM_BYTES, b"x" * 65536)
WEAK = Signer.generate("us-east-1", key_bits=1024, valid_from=NOW)

WRONG_FILES: dict[str, tuple[Answer, str]] = {
    "empty": (answer_of(b""), "not one certificate"),
    "a page": (answer_of(b"<html>"), "not one certificate"),
    "two certificates": (answer_of(PEM + PEM), "not one certificate"),
    "an EC key": (answer_of(an_ec_certificate().public_bytes(Encoding.PEM)), "not an RSA key"),
    "a weak key": (answer_of(WEAK.pem), "a key of 1024 bits"),
    "huge": (answer_of(b"x" * 10_000_000), "too large"),
    "one byte too large": (answer_of(PEM.ljust(MAX_PEM_BYTES + 1)), "too large"),
    "endless": (ENDLESS, "too large"),
}


@pytest.mark.parametrize(("answer", "detail"), WRONG_FILES.values(), ids=WRONG_FILES.keys())
@pytest.mark.timeout(10)
def test_a_file_that_is_no_certificate_to_trust_is_rejected(
    host: CertificateHost, answer: Answer, detail: str
) -> None:
    host.answer = answer
    certificates = fetching_from(host)

    for _ in range(2):
        rejected = rejection(lambda: certificates.get(URL, NOW))
        assert (rejected.reason, rejected.detail) == (RejectReason.BAD_CERTIFICATE, detail)
    assert len(host.requests) == 1


def test_the_largest_file_is_taken(host: CertificateHost) -> None:
    host.answer = answer_of(PEM.ljust(MAX_PEM_BYTES))

    assert fetching_from(host).get(URL, NOW) == GENUINE


def test_an_expired_certificate_is_had_but_verifies_nothing(host: CertificateHost) -> None:
    later = NOW + timedelta(days=2)
    fetched = fetching_from(host).get(URL, later)

    refused_envelope = rejection(
        lambda: authenticate(a_notification(), certificate=fetched, now=later)
    )
    assert refused_envelope.reason is RejectReason.BAD_CERTIFICATE
