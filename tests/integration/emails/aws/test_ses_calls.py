"""Where SES is called, how it is reached, and that it can verify who calls."""

import hmac
import ssl
from hashlib import sha256
from pathlib import Path

import pytest

from emails.edges import ses
from emails.edges.aws import Endpoint
from emails.edges.ses_calls import SesCalls
from emails.values.errors import Unavailable
from runtime.aws import make_session
from tests.integration.emails.aws.conftest import MAIL, Answers
from tools.local import tls

PATH = "/v2/email/outbound-emails"


@pytest.mark.parametrize(
    ("region", "environment", "host"),
    [
        ("eu-west-1", {}, "email.eu-west-1.amazonaws.com"),
        ("cn-north-1", {}, "email.cn-north-1.amazonaws.com.cn"),
        (
            "us-gov-west-1",
            {"AWS_USE_FIPS_ENDPOINT": "true"},
            "email-fips.us-gov-west-1.amazonaws.com",
        ),
        ("us-iso-east-1", {}, "email.us-iso-east-1.c2s.ic.gov"),
        ("eu-west-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "email.eu-west-1.api.aws"),
        ("eu-west-1", {"AWS_ENDPOINT_URL_SESV2": "https://ses.vpc.example"}, "ses.vpc.example"),
    ],
)
def test_ses_is_where_botocore_looks_for_it(
    monkeypatch: pytest.MonkeyPatch, region: str, environment: dict[str, str], host: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    found = SesCalls(make_session(region)).endpoint

    assert found == Endpoint(f"https://{host}{PATH}", region, "ses")


def hmac_of(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), sha256).digest()


def signature_of(path: str, headers: dict[str, str], body: bytes, secret: str) -> str:
    """Sign a request as AWS does to verify it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    _, credential, signed, _ = headers["authorization"].replace(",", "").split()
    _, scope = credential.split("/", 1)
    names = signed.removeprefix("SignedHeaders=")
    lines = [f"{name}:{headers[name]}" for name in names.split(";")]
    canonical = ["POST", path, "", *lines, "", names, sha256(body).hexdigest()]
    hashed = sha256("\n".join(canonical).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac_of(key, part)
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashed])
    return hmac_of(key, text).hex()


@pytest.mark.parametrize("token", [None, "a session's token"])
def test_ses_can_verify_the_signature(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    answers.text = b'{"MessageId": "id-1"}'

    assert ses.connect(make_session("us-east-1"), "set").send(MAIL) == "id-1"

    ((path, headers, body),) = answers.requests
    assert "/us-east-1/ses/aws4_request," in headers["authorization"]
    assert headers.get("x-amz-security-token") == token
    assert headers["authorization"].endswith(signature_of(path, headers, body, "test"))
    signed = headers["authorization"].split()[2]
    assert {"host", "x-amz-content-sha256"} <= set(
        signed.removeprefix("SignedHeaders=").strip(",").split(";")
    )
    assert ("x-amz-security-token" in signed) == bool(token)


def test_new_credentials_sign_the_next_call(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.text = b'{"MessageId": "id-1"}'
    session = make_session("us-east-1")
    mailer = ses.connect(session, None)

    mailer.send(MAIL)
    monkeypatch.setattr(session.get_credentials()._found, "secret_key", "another")  # type: ignore[union-attr]
    mailer.send(MAIL)

    first, second = answers.requests
    assert first[1]["authorization"].endswith(signature_of(*first, "test"))
    assert second[1]["authorization"].endswith(signature_of(*second, "another"))


def test_a_proxy_is_used_unless_the_host_is_excepted(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.text = b'{"MessageId": "id-1"}'
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://ses.invalid")
    monkeypatch.setenv("http_proxy", answers.endpoint)
    monkeypatch.setenv("no_proxy", "elsewhere.invalid")

    ses.connect(make_session("us-east-1"), None).send(MAIL)

    assert [path for path, *_ in answers.requests] == [f"http://ses.invalid{PATH}"]
    monkeypatch.setenv("no_proxy", "ses.invalid")
    with pytest.raises(Unavailable):
        ses.connect(make_session("us-east-1"), None).send(MAIL)
    assert len(answers.requests) == 1


def test_the_host_must_have_a_certificate_of_a_ca_that_we_trust(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers.text = b'{"MessageId": "id-1"}'
    tls.write_certificates(tmp_path, ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / tls.CERTIFICATE, tmp_path / tls.KEY)
    answers.server.socket = context.wrap_socket(answers.server.socket, server_side=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", answers.endpoint.replace("http:", "https:"))

    with pytest.raises(Unavailable) as failure:
        ses.connect(make_session("us-east-1"), None).send(MAIL)

    assert failure.value.code == "SSLError"
    assert answers.calls == []
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / tls.CA))
    assert ses.connect(make_session("us-east-1"), None).send(MAIL) == "id-1"
