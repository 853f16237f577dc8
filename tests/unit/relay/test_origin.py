"""A worker's own check of where a message comes from: whose fault each failure is."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import fakeredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import OriginConfig
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.wire import Publication
from relay.worker.origin import Authenticate, make_authenticate
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from runtime.seals import Seals
from tests.seals import SEALS
from tools.local.signing import Signer, notification, subscription_confirmation

TOPIC = "arn:aws:sns:us-east-1:123456789012:mail"
OTHER_TOPIC = TOPIC.replace("mail", "evil")
SECRETS = ("a-ledger-secret-of-these-tests-alone",)
REASON = "not_authentic"
SNS, OTHER = Signer.generate("us-east-1"), Signer.generate("us-east-1")
BREAKERS = Breakers(cast(Any, fakeredis.FakeRedis()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SNS's certificates. That of the other signer is not among them."""
    folder = tmp_path_factory.mktemp("certificates")
    SNS.write_certificate(folder)
    return folder


def checking(folder: Path, **settings: Any) -> Authenticate:
    given = {"certificate_folder": folder, "topics": (TOPIC,), "signature_versions": ("2",)}
    config = SimpleNamespace(**given | {"ledger_secrets": SECRETS} | settings)
    return make_authenticate(cast(OriginConfig, config), lambda: BREAKERS)


def an_envelope(topic: str = TOPIC, **fields: str) -> dict[str, str]:
    return SNS.sign(notification(topic, "{}", "sns-1") | fields)


def sealed(envelope: dict[str, str], sqs_message_id: str = "sqs-1") -> str:
    return SEALS.seal(json.dumps(envelope), sqs_message_id)


def test_what_sns_signed_and_a_bridge_sealed_is_genuine(folder: Path) -> None:
    published = checking(folder)(sealed(an_envelope()), "sqs-1")

    assert published == Publication("sns-1", "{}")


def test_an_old_one_is_as_genuine_since_operators_requeue_dead_letters(folder: Path) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=29)).isoformat()

    assert checking(folder)(sealed(an_envelope(Timestamp=long_ago)), "sqs-1")


@pytest.mark.parametrize(
    "envelope",
    [
        an_envelope() | {"Message": '{"notificationType": "Received"}'},
        an_envelope() | {"MessageId": "another"},
        an_envelope() | {"SigningCertURL": "https://evil.example/x.pem"},
        {"Type": "Notification"},
        SNS.sign(subscription_confirmation(TOPIC)),
        {},
    ],
    ids=["content", "id", "certificate", "fields", "confirmation", "empty"],
)
def test_a_broken_bridge_can_seal_but_not_sign(folder: Path, envelope: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        checking(folder)(sealed(envelope), "sqs-1")
    assert refused.value.reason == REASON


@pytest.mark.parametrize("payload", [None, 1, [], {}, b"bytes", "", "in the clear"])
def test_what_is_no_sealed_text_is_refused(folder: Path, payload: object) -> None:
    with pytest.raises(Refused) as refused:
        checking(folder)(payload, "sqs-1")
    assert refused.value.reason == REASON


def test_one_that_was_sealed_for_another_sqs_message_is_refused(folder: Path) -> None:
    """Or its acknowledgement would delete that other message."""
    with pytest.raises(Refused) as refused:
        checking(folder)(sealed(an_envelope(), "sqs-1"), "sqs-2")
    assert refused.value.reason == REASON


@pytest.mark.parametrize(
    ("payload", "settings", "dependency", "code"),
    [
        (
            Seals(["another-secret"]).seal(json.dumps(an_envelope()), "sqs-1"),
            {},
            Dependency.CONFIGURATION,
            "LEDGER_SECRETS",
        ),
        (sealed(an_envelope(OTHER_TOPIC)), {}, Dependency.CONFIGURATION, "AWS_SNS_TOPIC"),
        (
            sealed(an_envelope()),
            {"signature_versions": ("1",)},
            Dependency.CONFIGURATION,
            "AWS_SNS_SIGNATURE_VERSIONS",
        ),
        (
            sealed(OTHER.sign(notification(TOPIC, "{}"))),
            {},
            Dependency.CERTIFICATES,
            "certificate_missing",
        ),
    ],
    ids=["secret", "topic", "version", "certificate"],
)
def test_what_a_wrong_setting_of_ours_may_cause_opens_a_breaker_and_costs_nothing(
    folder: Path, payload: str, settings: dict[str, Any], dependency: Dependency, code: str
) -> None:
    """If others work, it is this message's fault: it is refused after a few tries."""
    with pytest.raises(Unavailable) as failure:
        checking(folder, **settings)(payload, "sqs-1")

    error = failure.value
    assert (error.reason, error.dependency, error.code) == (REASON, dependency, code)
    assert error.max_tries is not None


def test_a_certificate_that_is_not_to_be_had_is_nobodys_fault(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as failure:
        checking(tmp_path / "away")(sealed(an_envelope()), "sqs-1")

    error = failure.value
    assert (error.reason, error.dependency) == ("certificate_unavailable", Dependency.CERTIFICATES)
    assert error.max_tries is None


@given(junk=st.text() | st.binary().map(lambda octets: octets.decode("latin-1")))
def test_whatever_lies_in_redis_is_refused_in_order(folder: Path, junk: str) -> None:
    check = checking(folder)
    name = SEALS.seal("", "").partition(".")[0]
    for payload in (junk, f"{name}.{junk}", SEALS.seal(junk, "sqs-1")):
        with pytest.raises((Refused, NotFinished)) as failure:
            check(payload, "sqs-1")
        assert getattr(failure.value, "reason", "") == REASON


@given(
    changes=st.dictionaries(
        st.sampled_from([*an_envelope(), "Token", "SubscribeURL", "SigningCertUrl"]),
        st.none() | st.text() | st.integers() | st.sampled_from([TOPIC, OTHER_TOPIC, "1", "2"]),
        min_size=1,
    ),
    gone=st.sets(st.sampled_from(list(an_envelope()))),
)
def test_no_change_of_a_genuine_envelope_makes_another_that_is_genuine(
    folder: Path, changes: dict[str, Any], gone: set[str]
) -> None:
    """However it was sealed; what SNS signed reads the same afterwards, or is refused."""
    envelope = {**an_envelope(), **changes}
    changed = {name: value for name, value in envelope.items() if name not in gone}
    try:
        published = checking(folder)(SEALS.seal(json.dumps(changed), "sqs-1"), "sqs-1")
    except (Refused, NotFinished):
        return
    assert published == Publication("sns-1", "{}")
