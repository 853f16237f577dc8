"""When AWS clients get their credentials, and what a failure costs those that wait for them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from runtime.aws import DeferredCredentials, make_session
from tests.lab.credentials import CredentialsEndpoint
from tests.waiting import wait_until

KEYS = Credentials("key", "secret")
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "AssumeRole")


def answering(*answers: Credentials | Exception | None) -> Callable[[], Credentials | None]:
    """A chain of providers that gives one answer after the other."""
    left = iter(answers)

    def find() -> Credentials | None:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return find


@pytest.fixture(autouse=True)
def no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/not-there")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("service", ["s3", "sesv2", "sqs"])
def test_building_a_client_asks_for_no_credentials(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    endpoint = CredentialsEndpoint()
    for name, value in endpoint.settings("process").items():
        monkeypatch.setenv(name, value)

    client = make_session("us-east-1").client(service)  # type: ignore[call-overload]

    assert endpoint.requests == 0
    assert client._get_credentials().get_frozen_credentials().access_key == "process"
    assert endpoint.requests == 1
    endpoint.close()


@pytest.mark.parametrize("failure", [None, OSError(), KeyError("Token"), DENIED])
def test_whatever_fails_the_next_call_asks_again(
    monkeypatch: pytest.MonkeyPatch, failure: Exception | None
) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    credentials = DeferredCredentials(answering(failure, KEYS))

    with pytest.raises(CredentialRetrievalError):
        credentials.get_frozen_credentials()

    assert credentials.get_frozen_credentials().access_key == "key"
    assert credentials.get_frozen_credentials().access_key == "key", "without asking again"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, NoCredentialsError),
        (PartialCredentialsError(provider="env", cred_var="secret"), PartialCredentialsError),
    ],
)
def test_what_only_other_settings_mend_is_told_from_what_waiting_mends(
    answer: Exception | None, expected: type[BotoCoreError]
) -> None:
    with pytest.raises(expected):
        DeferredCredentials(answering(answer)).get_frozen_credentials()


@pytest.mark.parametrize("is_known", [False, True], ids=["at the start", "when they expire"])
def test_those_that_waited_for_a_call_that_failed_fail_with_it(is_known: bool) -> None:
    """The last of 32 threads would wait for five minutes."""
    threads, asked, may_fail = 8, [0], threading.Event()
    clocked: list[float] = []

    def clock() -> float:
        clocked.append(len(clocked))
        return clocked[-1]

    def fail() -> Credentials:
        asked[0] += 1
        assert may_fail.wait(20)
        raise OSError

    expired = RefreshableCredentials(
        "key", "secret", "token", datetime.now(UTC) - timedelta(hours=1), fail, "container-role"
    )
    find: Callable[[], Credentials] = (lambda: expired) if is_known else fail
    credentials = DeferredCredentials(find, clock=clock)

    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(credentials.get_frozen_credentials) for _ in range(threads)]
        wait_until("all have asked", lambda: len(clocked) == threads)
        may_fail.set()
        failures = [call.exception() for call in calls]

    assert {type(one) for one in failures} == {CredentialRetrievalError}
    assert asked == [1]


def test_credentials_that_are_valid_are_not_asked_for_again() -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    valid = RefreshableCredentials("key", "secret", "token", soon, pytest.fail, "container-role")
    credentials = DeferredCredentials(lambda: valid)

    assert [credentials.get_frozen_credentials().access_key for _ in range(3)] == ["key"] * 3


def test_sts_is_not_waited_for_as_long_as_botocore_would() -> None:
    config = make_session("us-east-1").client("sts").meta.config

    assert (vars(config)["connect_timeout"], vars(config)["read_timeout"]) == (3, 5)
