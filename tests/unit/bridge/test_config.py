"""The bridge's settings: what is refused, and how `--help` shows them."""

import pytest

from bridge.command_line import describe_settings
from bridge.config import BridgeConfig
from runtime.env import SettingsError, describe, load

GOOD = {
    "AWS_REGION": "us-east-1",
    "AWS_SQS_EMAIL_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/mail",
    "AWS_SNS_TOPIC": "arn:aws:sns:us-east-1:123456789012:mail",
    "LEDGER_SECRETS": "a-ledger-secret-of-these-tests-alone",
}


def test_four_settings_are_enough() -> None:
    config = load(BridgeConfig, GOOD)

    assert config.batch_size == 10
    assert config.max_seconds is None
    assert config.topics == ("arn:aws:sns:us-east-1:123456789012:mail",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROCESS_EMAIL_BATCH_SIZE", "0"),
        ("PROCESS_EMAIL_BATCH_SIZE", "11"),
        ("PROCESS_EMAIL_WAIT_SECONDS", "0"),
        ("PROCESS_EMAIL_WAIT_SECONDS", "21"),
        ("PROCESS_EMAIL_VISIBILITY_SECONDS", "never"),
        ("PROCESS_EMAIL_VERBOSITY", "5"),
        ("PROCESS_EMAIL_MAX_SECONDS", "-1"),
        ("PROCESS_EMAIL_DELETE_FAILED_MESSAGES", "perhaps"),
        ("PROCESS_EMAIL_HEALTHCHECK_PATH", "/no/such/folder/health.json"),
        ("AWS_SNS_CERTIFICATE_DIR", "/no/such/folder"),
        ("AWS_SNS_SIGNATURE_VERSIONS", "2,3"),
        ("AWS_SNS_TOPIC", "my-topic"),
        ("LEDGER_SECRETS", "short"),
        ("AWS_SQS_EMAIL_QUEUE_URL", "my-queue"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://localhost:port/0"),
        ("AWS_REGION", "us east"),
        ("SENTRY_DSN", "https://sentry.example/1"),
        # against each other
        ("PROCESS_EMAIL_HEARTBEAT_SECONDS", "61"),
        ("PROCESS_EMAIL_MAX_LIFETIME_SECONDS", "120"),
        ("PROCESS_EMAIL_HEALTHCHECK_MAX_AGE", "5"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(BridgeConfig, GOOD | {name: value})

    assert [problem.name for problem in caught.value.problems] == [name]


@pytest.mark.parametrize("name", GOOD)
def test_what_has_no_default_must_be_set(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"settings\.{name} is not set"):
        load(BridgeConfig, {key: value for key, value in GOOD.items() if key != name})


def test_help_shows_each_setting_with_its_present_value_its_meaning_and_its_default() -> None:
    text = describe_settings(GOOD | {"PROCESS_EMAIL_WAIT_SECONDS": "7"}, columns=80)

    assert "PROCESS_EMAIL_WAIT_SECONDS = 7\n" in text
    assert "Default: 5." in text
    for setting in describe(BridgeConfig):
        assert f"  {setting.name} = " in text


def test_help_marks_what_is_not_allowed_and_nothing_else() -> None:
    wrong = {"PROCESS_EMAIL_BATCH_SIZE": "11", "PROCESS_EMAIL_WAIT_SECONDS": ""}

    text = describe_settings(GOOD | wrong, columns=80)

    assert "PROCESS_EMAIL_BATCH_SIZE = 11 (not allowed)\n" in text
    assert "PROCESS_EMAIL_WAIT_SECONDS = (empty) (not allowed)\n" in text
    assert text.count("(not allowed)") == 2


def test_help_shows_no_secret() -> None:
    text = describe_settings(GOOD | {"REDIS_URL": "redis://:swordfish@h/0"}, columns=80)

    assert "swordfish" not in text
    assert "REDIS_URL = …\n" in text


def test_help_shows_which_redis_it_is_where_none_was_set() -> None:
    assert "REDIS_URL = redis://127.0.0.1:6379/0\n" in describe_settings(GOOD, columns=80)
