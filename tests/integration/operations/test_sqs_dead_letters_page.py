"""The page of SQS's dead-letter queue, on a real queue: look, put back, delete, clear."""

import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.environment import NOWHERE
from tests.integration.conftest import MAIL, MASK
from tests.integration.operations.conftest import a_member_of_staff
from tools.local.aws import TOPIC, LocalAws

PAGE = "/admin/sqs-dead-letters/"
ACT = f"{PAGE}act/"
ALL = ("view_dead_letter", "requeue_dead_letter", "delete_dead_letter")

pytestmark = pytest.mark.django_db


@dataclass
class Queues:
    """A queue and its dead letters: one finished, one ours and unknown, one that is no message."""

    aws: LocalAws
    ids: dict[str, str]

    def left(self) -> set[str]:
        """Return which of them are in the dead-letter queue, and visible."""
        found = self.aws.message_ids(self.aws.dead_letter_queue_url)
        return {name for name, one in self.ids.items() if one in found}


@pytest.fixture
def queues(aws: LocalAws, wiped_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Queues:
    environ = aws.environ()
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, environ[name])
    config = replace(
        settings.CONFIG,
        queue_url=aws.queue_url,
        dead_letter_queue_url=aws.dead_letter_queue_url,
        region=environ["AWS_REGION"],
        topics=(TOPIC,),
        certificate_folder=aws.certificates,
    )
    monkeypatch.setattr(settings, "CONFIG", config)
    bodies = {
        "finished": a_body(aws, "somebody@elsewhere.example"),
        "unknown": a_body(aws, MASK),
        "rejected:not_json": "nonsense",
    }
    ids = {
        name: aws.sqs.send_message(QueueUrl=aws.dead_letter_queue_url, MessageBody=body)[
            "MessageId"
        ]
        for name, body in bodies.items()
    }
    return Queues(aws, ids)


def a_body(aws: LocalAws, to: str) -> str:
    aws.deliver(MAIL, [to])
    (message,) = aws.sqs.receive_message(QueueUrl=aws.queue_url)["Messages"]
    aws.sqs.delete_message(QueueUrl=aws.queue_url, ReceiptHandle=message["ReceiptHandle"])
    return str(message["Body"])


def test_each_is_shown_with_its_reason_and_nothing_of_its_mail(
    client: Client, queues: Queues
) -> None:
    client.force_login(a_member_of_staff(*ALL))

    text = client.get(PAGE).content.decode()

    counts = dict(re.findall(r">([a-z_:]+): <b>(\d+)</b>", text))
    assert counts == {"all": "3", "finished": "1", "unknown": "1", "rejected:not_json": "1"}
    assert "Clear 1 finished" in text
    filtered = client.get(f"{PAGE}?reason=rejected").content.decode()
    assert [one in filtered for one in queues.ids.values()] == [False, False, True]
    shown = client.get(f"{PAGE}{queues.ids['unknown']}/").content.decode()
    assert "Received" in shown
    for secret in (MASK, "swordfish", "Ann Sender"):
        assert secret not in text + shown
    assert client.get(f"{PAGE}missing/").status_code == 404
    assert queues.left() == set(queues.ids)


@pytest.mark.parametrize(
    ("posted", "left", "in_queue"),
    [
        ({"action": "clear"}, {"unknown", "rejected:not_json"}, 0),
        ({"action": "delete-all", "reason": "rejected"}, {"finished", "unknown"}, 0),
        ({"action": "delete", "id": "finished"}, {"unknown", "rejected:not_json"}, 0),
        ({"action": "redrive", "id": "unknown"}, {"finished", "rejected:not_json"}, 1),
        ({"action": "redrive-all", "reason": "unknown"}, {"finished", "rejected:not_json"}, 1),
        ({"action": "delete"}, {"finished", "unknown", "rejected:not_json"}, 0),
        ({"action": "delete-all"}, {"finished", "unknown", "rejected:not_json"}, 0),
    ],
    ids=lambda one: "-".join(one.values()) if isinstance(one, dict) else None,
)
def test_what_is_meant_is_handled_and_nothing_else(
    client: Client, queues: Queues, posted: dict[str, str], left: set[str], in_queue: int
) -> None:
    client.force_login(a_member_of_staff(*ALL))
    if "id" in posted:
        posted = posted | {"id": queues.ids[posted["id"]]}

    answer: Any = client.post(ACT, posted)
    if answer.status_code == 200:  # It asks first, and changes nothing.
        assert queues.left() == set(queues.ids)
        client.post(ACT, posted | {"confirmed": "1"})

    assert queues.left() == left
    assert queues.aws.count(queues.aws.queue_url) == in_queue
    assert LogEntry.objects.count() == (len(left) < 3)


@pytest.mark.parametrize(
    ("permissions", "action", "status"),
    [
        ((), None, 403),
        (("view_dead_letter",), None, 200),
        (("view_dead_letter",), "redrive", 403),
        (("view_dead_letter", "requeue_dead_letter"), "delete", 403),
        (("view_dead_letter", "requeue_dead_letter"), "clear", 403),
        (("requeue_dead_letter",), "redrive", 403),
        (ALL, "nonsense", 403),
    ],
)
def test_each_action_needs_its_permission(
    client: Client, queues: Queues, permissions: tuple[str, ...], action: str | None, status: int
) -> None:
    client.force_login(a_member_of_staff(*permissions))
    posted = {"action": action, "id": queues.ids["unknown"], "confirmed": "1"}

    answer: Any = client.get(PAGE) if action is None else client.post(ACT, posted)

    assert answer.status_code == status
    assert queues.left() == set(queues.ids)
    if permissions == ("view_dead_letter",) and action is None:
        assert b'name="action"' not in answer.content


def test_it_says_what_is_missing(
    client: Client, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(a_member_of_staff(*ALL))

    def says(url: str | None) -> str:
        monkeypatch.setattr(settings, "CONFIG", replace(settings.CONFIG, dead_letter_queue_url=url))
        answer: Any = client.get(PAGE)
        assert answer.status_code == 503
        return str(answer.content.decode())

    assert "AWS_SQS_EMAIL_DLQ_URL is not set" in says(None)
    missing = queues.aws.dead_letter_queue_url + "-missing"
    assert "NonExistentQueue" in says(missing)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{NOWHERE}")
    assert "SQS can&#x27;t be used" in says(missing + "-2")
