"""The signing certificate: where it may be, what it must be, and when it holds."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from bridge.sns import signature
from bridge.sns.reject_reasons import Rejected, RejectReason
from tests.unit.bridge.envelopes import (
    NOW,
    TOPIC,
    a_notification,
    an_ec_certificate,
    authenticate,
    our_signer,
    rejection,
    without,
)
from tools.local.signing import Signer

HOST = "sns.us-east-1.amazonaws.com"
FILE = "SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem"
URL = f"https://{HOST}/{FILE}"


# --- the certificate's URL -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "topic"),
    [
        (f"https://sns.us-east-1.amazonaws.com/{FILE}", "arn:aws:sns:us-east-1:1:t"),
        (f"https://sns.ap-southeast-2.amazonaws.com/{FILE}", "arn:aws:sns:ap-southeast-2:1:t"),
        (f"https://sns.us-gov-west-1.amazonaws.com/{FILE}", "arn:aws-us-gov:sns:us-gov-west-1:1:t"),
        (f"https://sns.cn-north-1.amazonaws.com.cn/{FILE}", "arn:aws-cn:sns:cn-north-1:1:t"),
        (f"https://sns.eusc-de-east-1.amazonaws.eu/{FILE}", "arn:aws-eusc:sns:eusc-de-east-1:1:t"),
        (f"https://sns.us-iso-east-1.c2s.ic.gov/{FILE}", "arn:aws-iso:sns:us-iso-east-1:1:t"),
    ],
)
def test_the_url_of_snss_certificate_in_the_topics_region_is_accepted(url: str, topic: str) -> None:
    signature.check_certificate_url(url, topic)


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"http://{HOST}/{FILE}",
        f"HTTPS://{HOST}/{FILE}",
        f"ftp://{HOST}/{FILE}",
        f"file:///{FILE}",
        f"//{HOST}/{FILE}",
        f"https:/{HOST}/{FILE}",
        f" https://{HOST}/{FILE}",
        f"https://{HOST}:443/{FILE}",
        f"https://{HOST}:8443/{FILE}",
        f"https://{HOST}:/{FILE}",
        f"https://user@{HOST}/{FILE}",
        f"https://{HOST}@attacker.example/{FILE}",
        f"https://attacker.example\\@{HOST}/{FILE}",
        f"https://{HOST}.attacker.example/{FILE}",
        f"https://{HOST}./{FILE}",
        f"https://attacker.example/{HOST}/{FILE}",
        f"https://attacker.example/?https://{HOST}/{FILE}",
        f"https://attacker.example#https://{HOST}/{FILE}",
        f"https://sns-us-east-1.amazonaws.com/{FILE}",
        f"https://snsxus-east-1.amazonaws.com/{FILE}",
        f"https://x.{HOST}/{FILE}",
        f"https://sns.us-east-1xamazonaws.com/{FILE}",
        f"https://sns.amazonaws.com/{FILE}",
        f"https://sns.us-east-1.s3.amazonaws.com/{FILE}",
        f"https://sns.s3-us-east-1.amazonaws.com/{FILE}",
        f"https://sns.eu-west-1.amazonaws.com/{FILE}",
        f"https://sns.us-east-11.amazonaws.com/{FILE}",
        f"https://{HOST}.cn/{FILE}",
        f"https://SNS.us-east-1.amazonaws.com/{FILE}",
        f"https://sns.us-east-1.AMAZONAWS.com/{FILE}",
        f"https://sns.us-east-\u0661.amazonaws.com/{FILE}",  # an Arabic digit
        f"https://sns.us-east-1.am\u0430zonaws.com/{FILE}",  # a Cyrillic letter
        f"https://sns\u3002us-east-1.amazonaws.com/{FILE}",  # a full stop that IDNA maps to one
        f"https://{HOST}",
        f"https://{HOST}/",
        f"https://{HOST}//{FILE}",
        f"https://{HOST}/x/{FILE}",
        f"https://{HOST}/x/../{FILE}",
        f"https://{HOST}/{FILE}?",
        f"https://{HOST}/{FILE}?x=1",
        f"https://{HOST}/{FILE}#x",
        f"https://{HOST}/{FILE};x",
        f"https://{HOST}/{FILE}\n",
        f"https://{HOST}/{FILE} ",
        f"https://{HOST}/{FILE}.sig",
        f"https://{HOST}/{FILE.replace('.pem', '.txt')}",
        f"https://{HOST}/{FILE.replace('.', '%2e')}",
        f"https://{HOST}/{FILE.replace('7ff', '7FF')}",
        f"https://{HOST}/{FILE.replace('7ff', 'xyz')}",
        f"https://{HOST}/{FILE.replace('7ff', '../')}",
        f"https://{HOST}/SimpleNotificationService-.pem",
        f"https://{HOST}/SimpleNotificationService-{'a' * 65}.pem",
        f"https://{HOST}/{FILE.lower()}",
        f"https://{HOST}/?Action=ConfirmSubscription",
    ],
)
def test_every_other_url_is_refused(url: str) -> None:
    refused = rejection(lambda: signature.check_certificate_url(url, TOPIC))

    assert refused.reason is RejectReason.WRONG_CERTIFICATE_URL


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"])
def test_a_host_under_another_partitions_domain_is_not_sns(region: str) -> None:
    """`amazonaws.com` belongs to AWS; but who answers for a name that AWS doesn't use there?"""
    url = f"https://sns.{region}.amazonaws.com/{FILE}"
    topic = f"arn:aws:sns:{region}:1:t"

    assert rejection(lambda: signature.certificate_url(url)).reason == "wrong_certificate_url"
    assert rejection(lambda: signature.check_certificate_url(url, topic)).reason == "wrong_topic"


@pytest.mark.parametrize(
    "topic", ["", "us-east-1", "arn:aws:sqs:us-east-1:1:t", "arn:aws:sns:us-east-1", f"{TOPIC}\n:x"]
)
def test_a_topic_that_is_none_has_no_certificate(topic: str) -> None:
    refused = rejection(lambda: signature.check_certificate_url(URL, topic))

    assert refused.reason is RejectReason.WRONG_TOPIC


# --- the certificate -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "is_good"),
    [
        (timedelta(days=-1, seconds=-1), False),
        (timedelta(days=-1), True),
        (timedelta(0), True),
        (timedelta(days=1), True),
        (timedelta(days=1, seconds=1), False),
    ],
)
def test_the_certificates_dates_are_checked_at_each_use(offset: timedelta, is_good: bool) -> None:
    fields = a_notification(Timestamp=(NOW - timedelta(days=2)).isoformat())
    if is_good:
        assert authenticate(fields, now=NOW + offset)
    else:
        refused = rejection(lambda: authenticate(fields, now=NOW + offset))
        assert refused.reason is RejectReason.BAD_CERTIFICATE


def test_another_certificate_does_not_do() -> None:
    other = Signer.generate("us-east-1", valid_from=NOW)
    refused = rejection(lambda: authenticate(a_notification(), certificate=other.certificate))

    assert refused.reason is RejectReason.BAD_SIGNATURE


def test_a_weak_key_does_not_do() -> None:
    weak = Signer.generate("us-east-1", key_bits=1024, valid_from=NOW)
    fields = weak.sign(without(a_notification(), "Signature"))

    refused = rejection(lambda: authenticate(fields, certificate=weak.certificate))
    assert refused.reason is RejectReason.BAD_CERTIFICATE
    assert rejection(lambda: signature.load_certificate(weak.pem)).detail == "a key of 1024 bits"


def test_a_key_that_is_not_rsa_does_not_do() -> None:
    certificate = an_ec_certificate()

    refused = rejection(lambda: authenticate(a_notification(), certificate=certificate))
    assert refused.reason is RejectReason.BAD_CERTIFICATE
    pem = certificate.public_bytes(Encoding.PEM)
    assert rejection(lambda: signature.load_certificate(pem)).detail == "not an RSA key"


# Made once: the library that the tests make keys with refuses to make one so short.
A_KEY_OF_512_BITS = b"""\
-----BEGIN CERTIFICATE-----
MIIBWTCCAQOgAwIBAgIUbUCIuDJMFIrgQrypggcEhQk5ViAwDQYJKoZIhvcNAQEL
BQAwADAgFw0yNjExMjQwMDA2NTZaGA8yMTI2MTAzMTAwMDY1NlowADBcMA0GCSqG
SIb3DQEBAQUAA0sAMEgCQQDJ0VidsmuJNbd7nLop1hGzCk8x44Znrpnv45yN9OFp
ZK8efdn3mPYsAfIrILTv8nia/v7xM1S/krkZv1bgWPuXAgMBAAGjUzBRMB0GA1Ud
DgQWBBS9PQqnZhuy0ieVwmfUj2JJolwJFjAfBgNVHSMEGDAWgBS9PQqnZhuy0ieV
wmfUj2JJolwJFjAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA0EApoXZ
7U0u7p93ybZEL7sx3IlGkxvMk8GcxFX5heieslK0WUo2rN95KJDg+hEh4QlEVgZS
BZLDbvq+m9uLIiWXdA==
-----END CERTIFICATE-----
"""


def test_a_key_that_anybody_can_factor_does_not_do() -> None:
    refused = rejection(lambda: signature.load_certificate(A_KEY_OF_512_BITS))

    assert (refused.reason, refused.detail) == (RejectReason.BAD_CERTIFICATE, "a key of 512 bits")


PEM = our_signer().pem
PRIVATE_KEY = our_signer().key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("pem", [PEM, PEM.replace(b"\n", b"\r\n"), b"\n" + PEM + b"\n"])
def test_a_file_with_one_certificate_is_read(pem: bytes) -> None:
    assert signature.load_certificate(pem) == our_signer().certificate


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"<html></html>",
        PEM[:-40],
        PEM + PEM,
        PEM + PRIVATE_KEY,
        PRIVATE_KEY,
        b"Bag Attributes\n" + PEM,
        PEM + b"\0",
        PEM + b"\n" * signature.MAX_PEM_BYTES,
        PEM.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
        PEM.replace(b"M", b"N", 3),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n=A=\n-----END CERTIFICATE-----\n",
        our_signer().certificate.public_bytes(Encoding.DER),
    ],
    ids=range(14),
)
def test_a_file_with_anything_else_is_not(pem: bytes) -> None:
    assert rejection(lambda: signature.load_certificate(pem)).reason is RejectReason.BAD_CERTIFICATE


@given(st.binary(max_size=200), st.integers(0, len(PEM)))
def test_any_bytes_are_a_certificate_or_rejected(junk: bytes, place: int) -> None:
    for pem in (junk, PEM[:place] + junk + PEM[place:], PEM[:place] + junk):
        try:
            signature.load_certificate(pem)
        except Rejected:
            continue
