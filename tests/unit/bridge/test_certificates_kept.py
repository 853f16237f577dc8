"""Certificates that are kept, and failures that are remembered."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from bridge.sns.certificate_tries import MAX_FAILURES
from bridge.sns.certificates import (
    MAX_KEPT,
    Certificates,
    FetchedCertificates,
    PinnedCertificates,
)
from tests.unit.bridge.certificate_host import (
    A_MINUTE,
    A_MOMENT,
    FILE,
    GENUINE,
    HOST,
    HOSTS,
    PEM,
    URL,
    CertificateHost,
    answer_of,
    fetching_from,
    rerouted,
    trusting,
    unavailable,
)
from tests.unit.bridge.envelopes import NOW
from tools.local.signing import Signer


def url_number(number: int) -> str:
    return f"https://{HOST}/SimpleNotificationService-{number:032x}.pem"


def flood(certificates: Certificates, count: int, now: datetime = NOW) -> None:
    """Ask for certificates that SNS doesn't have."""
    for number in range(count):
        unavailable(lambda: certificates.get(url_number(number), now))  # noqa: B023 - called here


def test_a_certificate_is_downloaded_anew_when_it_is_old(host: CertificateHost) -> None:
    certificates = fetching_from(host)
    certificates.get(URL, NOW)
    other = Signer.generate("us-east-1", valid_from=NOW)
    host.answer = answer_of(other.pem)

    assert certificates.get(URL, NOW + timedelta(hours=12) - A_MOMENT) == GENUINE
    assert certificates.get(URL, NOW + timedelta(hours=12)) == other.certificate


def test_an_old_certificate_is_not_used_when_its_host_is_down(host: CertificateHost) -> None:
    certificates = fetching_from(host)
    certificates.get(URL, NOW)
    host.answer = answer_of(b"", "500 Internal Server Error")

    unavailable(lambda: certificates.get(URL, NOW + timedelta(days=1)))


def test_a_certificate_serves_its_own_url_only(host: CertificateHost) -> None:
    certificates = fetching_from(host)
    other = Signer.generate("eu-west-1", valid_from=NOW)
    certificates.get(URL, NOW)
    host.answer = answer_of(other.pem)

    assert certificates.get(f"https://{HOSTS[1]}/{FILE}", NOW) == other.certificate
    assert certificates.get(url_number(1), NOW) == other.certificate
    assert certificates.get(URL, NOW) == GENUINE
    assert host.requests[1].startswith(HOSTS[1])


@pytest.mark.parametrize(
    ("status", "age", "may_be_forged"),
    [
        ("404 Not Found", A_MINUTE, True),
        ("403 Forbidden", A_MINUTE, True),
        ("410 Gone", A_MINUTE, True),
        ("503 Slow Down", A_MOMENT, False),
        ("500 Internal Server Error", A_MOMENT, False),
        ("429 Too Many Requests", A_MOMENT, False),
        ("408 Request Timeout", A_MOMENT, False),
        ("301 Moved Permanently", A_MOMENT, False),
    ],
)
def test_a_missing_file_is_remembered_for_a_minute_and_a_host_that_is_down_for_a_second(
    host: CertificateHost, status: str, age: timedelta, may_be_forged: bool
) -> None:
    """Only the first may be a forger's invention."""
    certificates = fetching_from(host)
    host.answer = answer_of(b"", status)
    failures = [unavailable(lambda: certificates.get(URL, NOW)) for _ in range(5)]
    host.answer = answer_of(PEM)

    assert {failure.may_be_forged for failure in failures} == {may_be_forged}
    assert {failure.code for failure in failures} == {status[:3]}
    unavailable(lambda: certificates.get(URL, NOW + age - timedelta(milliseconds=1)))
    assert len(host.requests) == 1
    assert certificates.get(URL, NOW + age) == GENUINE


def test_a_host_that_is_down_is_asked_once_for_all_its_files(host: CertificateHost) -> None:
    """Each try may take five seconds, and no message is verified meanwhile."""
    certificates = fetching_from(host)
    host.answer = answer_of(b"", "503 Slow Down")

    flood(certificates, 20)

    assert len(host.requests) == 1


def test_among_many_invented_names_another_missing_file_may_be_invented_too(
    host: CertificateHost,
) -> None:
    certificates = fetching_from(host)
    host.answer = answer_of(b"", "404 Not Found")
    flood(certificates, MAX_FAILURES)

    assert unavailable(lambda: certificates.get(URL, NOW)).may_be_forged


def test_a_remembered_failure_keeps_nothing_of_its_download_in_memory() -> None:
    """Its traceback would hold the frames, and in them the connection and what it has read."""
    opened: list[weakref.ref[set[str]]] = []

    def route(_timeout_seconds: float) -> NoReturn:
        connection = _Connection()
        opened.append(weakref.ref(connection))
        raise ConnectionResetError

    certificates = FetchedCertificates(connect=rerouted(route, trusting()))
    for _ in range(2):
        unavailable(lambda: certificates.get(URL, NOW))
    gc.collect()

    assert [one() for one in opened] == [None]


class _Connection(set[str]):
    """Something that a weak reference can be made of."""


def test_a_flood_of_invented_names_makes_few_downloads(host: CertificateHost) -> None:
    certificates = fetching_from(host)
    certificates.get(URL, NOW)
    host.answer = answer_of(b"", "404 Not Found")
    flood(certificates, 200)

    assert len(host.requests) == 1 + MAX_FAILURES
    assert certificates.get(URL, NOW) == GENUINE


def test_a_flood_of_invented_names_does_not_keep_a_known_certificate_from_being_renewed(
    host: CertificateHost,
) -> None:
    certificates = fetching_from(host)
    certificates.get(URL, NOW)
    tomorrow = NOW + timedelta(days=1)
    host.answer = answer_of(b"", "404 Not Found")
    flood(certificates, MAX_FAILURES + 1, tomorrow)
    host.answer = answer_of(PEM)

    assert certificates.get(URL, tomorrow) == GENUINE


def test_after_a_flood_a_new_certificate_is_had_within_a_minute(host: CertificateHost) -> None:
    certificates = fetching_from(host)
    host.answer = answer_of(b"", "404 Not Found")
    flood(certificates, MAX_FAILURES)
    host.answer = answer_of(PEM)

    unavailable(lambda: certificates.get(URL, NOW))
    assert certificates.get(URL, NOW + A_MINUTE) == GENUINE


def test_a_flood_of_invented_names_of_one_host_takes_nothing_from_another(
    host: CertificateHost,
) -> None:
    certificates = fetching_from(host)
    host.answer = answer_of(b"", "404 Not Found")
    flood(certificates, MAX_FAILURES + 1)
    host.answer = answer_of(PEM)

    assert certificates.get(f"https://{HOSTS[1]}/{FILE}", NOW) == GENUINE


def test_few_certificates_are_kept_and_those_used_last(tmp_path: Path) -> None:
    certificates = PinnedCertificates(tmp_path)
    urls = [url_number(number) for number in range(MAX_KEPT)]
    for url in [URL, *urls]:
        path = tmp_path / url.rsplit("/", 1)[-1]
        path.write_bytes(PEM)
        certificates.get(url, NOW)
        path.unlink()
        assert certificates.get(URL, NOW) == GENUINE

    for url in [URL, *urls[1:]]:
        assert certificates.get(url, NOW) == GENUINE
    unavailable(lambda: certificates.get(urls[0], NOW))


def test_threads_that_want_the_same_certificate_make_one_download(host: CertificateHost) -> None:
    certificates = fetching_from(host)
    together = threading.Barrier(8)

    def get(_number: int) -> object:
        together.wait()
        return certificates.get(URL, NOW)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(get, range(8))) == [GENUINE] * 8
    assert len(host.requests) == 1
