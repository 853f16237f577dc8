"""Certificates in a folder, and what holds of them as of fetched ones."""

from pathlib import Path

import pytest

from bridge.sns.certificates import Certificates, PinnedCertificates
from bridge.sns.reject_reasons import Rejected, RejectReason
from bridge.sns.signature import MAX_PEM_BYTES
from tests.unit.bridge.certificate_host import (
    A_MINUTE,
    A_MOMENT,
    FILE,
    GENUINE,
    HOST,
    PEM,
    URL,
    CertificateHost,
    fetching_from,
    unavailable,
)
from tests.unit.bridge.envelopes import NOW, a_notification, authenticate, our_signer, rejection
from tools.local.signing import Signer


def test_a_pinned_certificate_is_read_by_its_file_name(tmp_path: Path) -> None:
    our_signer().write_certificate(tmp_path)

    assert PinnedCertificates(tmp_path).get(URL, NOW) == GENUINE


def test_a_pinned_certificate_that_is_missing_can_be_added(tmp_path: Path) -> None:
    certificates = PinnedCertificates(tmp_path)

    missing = unavailable(lambda: certificates.get(URL, NOW))
    assert str(missing) == f"{FILE} isn't in the folder"
    assert missing.may_be_forged
    our_signer().write_certificate(tmp_path)
    assert certificates.get(URL, NOW + A_MOMENT) == GENUINE


def test_a_folder_that_is_away_is_no_forgery(tmp_path: Path) -> None:
    certificates = PinnedCertificates(tmp_path / "away")

    missing = unavailable(lambda: certificates.get(URL, NOW))
    assert (missing.code, missing.may_be_forged) == ("no_folder", False)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "not one certificate"),
        (PEM[:500], "not one certificate"),
        (PEM * 2, "not one certificate"),
        (Signer.generate("us-east-1", key_bits=1024).pem, "a key of 1024 bits"),
        (PEM.ljust(MAX_PEM_BYTES + 1), "too large"),
    ],
    ids=["empty", "half copied", "two", "weak", "too large"],
)
def test_a_pinned_file_that_is_not_right_makes_its_messages_wait(
    tmp_path: Path, content: bytes, detail: str
) -> None:
    (tmp_path / FILE).write_bytes(content)

    failure = unavailable(lambda: PinnedCertificates(tmp_path).get(URL, NOW))
    assert str(failure) == f"{FILE}: {detail}"
    assert not failure.may_be_forged


def test_a_pinned_file_that_cannot_be_read_makes_its_messages_wait(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()

    failure = unavailable(lambda: PinnedCertificates(tmp_path).get(URL, NOW))
    assert str(failure) == f"{FILE}: IsADirectoryError"


def test_a_pinned_certificate_that_is_taken_away_is_forgotten(tmp_path: Path) -> None:
    our_signer().write_certificate(tmp_path)
    certificates = PinnedCertificates(tmp_path)
    certificates.get(URL, NOW)
    (tmp_path / FILE).unlink()

    unavailable(lambda: certificates.get(URL, NOW + A_MINUTE))


@pytest.fixture(params=["fetched", "pinned"])
def certificates(
    request: pytest.FixtureRequest, host: CertificateHost, tmp_path: Path
) -> Certificates:
    our_signer().write_certificate(tmp_path)
    return fetching_from(host) if request.param == "fetched" else PinnedCertificates(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"https://attacker.example/{FILE}",
        f"https://sns.us-east-\u0661.amazonaws.com/{FILE}",  # an Arabic digit
        f"https://{HOST}/../{FILE}",
        f"https://{HOST}//etc/passwd",
        f"https://{HOST}/SimpleNotificationService-/../../{FILE}",
    ],
    ids=["none", "another's", "an Arabic digit", "a step up", "another path", "steps up"],
)
def test_only_snss_urls_are_looked_for(
    certificates: Certificates, host: CertificateHost, url: str
) -> None:
    rejected = rejection(lambda: certificates.get(url, NOW))

    assert rejected.reason is RejectReason.WRONG_CERTIFICATE_URL
    assert host.requests == []


def test_an_envelope_is_verified_with_its_certificate(certificates: Certificates) -> None:
    certificate = certificates.get(a_notification()["SigningCertURL"], NOW)

    assert authenticate(a_notification(), certificate=certificate)
    with pytest.raises(Rejected):
        authenticate(a_notification() | {"Message": "forged"}, certificate=certificate)
