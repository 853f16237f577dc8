"""What leaves for Sentry: a secret planted wherever an event can hold one is found nowhere."""

import json
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest
import sentry_sdk
from dramatiq.brokers.stub import StubBroker

from emails.values.errors import Refused
from relay.worker.middleware.report import Report
from runtime.sentry import scrub

SECRET = "swordfish for ann@owner.example"

FRAME = {"filename": "a.py", "lineno": 3, "function": "f", "vars": {"raw": SECRET}}


def an_event(**extra: Any) -> Any:
    planted = {
        "event_id": "1",
        "level": "error",
        "message": SECRET,
        "logentry": {"message": "failed %s", "formatted": SECRET, "params": [SECRET]},
        "exception": {
            "values": [{"type": "ValueError", "value": SECRET, "stacktrace": {"frames": [FRAME]}}]
        },
        "contexts": {"dramatiq": {"data": {"kwargs": SECRET}}, "runtime": {"name": "CPython"}},
        "extra": {"notification": SECRET},
        "breadcrumbs": {"values": [{"message": SECRET}]},
        "request": {"data": SECRET, "url": SECRET},
        "user": {"email": SECRET},
        "threads": {"values": [{"stacktrace": {"frames": [FRAME]}}]},
        "something new": SECRET,
        "tags": {"sqs_message_id": "id-1"},
    }
    return planted | extra


def test_a_secret_planted_anywhere_does_not_leave() -> None:
    sent = scrub(an_event(), {})

    assert "swordfish" not in json.dumps(sent)
    assert "owner.example" not in json.dumps(sent)


def test_what_tells_the_failure_is_kept() -> None:
    sent: Any = scrub(an_event(), {})

    (exception,) = sent["exception"]["values"]
    assert exception["type"] == "ValueError"
    assert exception["stacktrace"]["frames"] == [{"filename": "a.py", "lineno": 3, "function": "f"}]
    assert sent["tags"] == {"sqs_message_id": "id-1"}
    assert sent["contexts"] == {"runtime": {"name": "CPython"}}
    assert sent["logentry"] == {"message": "failed %s"}


@pytest.mark.parametrize(("retried", "is_sent"), [("yes", False), ("no", True)])
def test_an_attempt_that_is_retried_is_dropped(retried: str, is_sent: bool) -> None:
    sent = scrub(an_event(tags={"to_be_retried": retried}), {})

    assert (sent is not None) is is_sent


class Talkative(Exception):
    """An exception of some library's, whose `reason` is no word of ours."""

    reason = SECRET


@pytest.fixture
def _reporting() -> Iterator[None]:
    sentry_sdk.init(dsn="http://key@127.0.0.1:1/1", default_integrations=False)
    with sentry_sdk.isolation_scope():
        yield
    sentry_sdk.get_global_scope().set_client(None)


@pytest.mark.usefixtures("_reporting")
@pytest.mark.parametrize(
    ("error", "reason"), [(Refused("mail_missing"), "mail_missing"), (Talkative(), "Talkative")]
)
def test_the_reason_of_an_event_is_one_word(error: Exception, reason: str) -> None:
    broker = StubBroker()
    dramatiq.actor(broker=broker, actor_name="work")(lambda: None)
    message: Any = dramatiq.Message("default", "work", (), {}, {})
    message = dramatiq.broker.MessageProxy(message)

    Report().after_process_message(broker, message, exception=error)

    assert sentry_sdk.get_isolation_scope()._tags["reason"] == reason
