"""`manage.py trace` and its page: who may see it, and what they see of Redis and PostgreSQL."""

import json
import time
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client

from bridge.ledger.story import Event, Story
from emails.models import Delivery
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.trace import rows
from runtime.message_context import MessageContext
from tests.environment import NOWHERE
from tests.integration.operations.conftest import a_member_of_staff

NOW = datetime.now(UTC) + timedelta(hours=1)
"""After whatever Redis is told here: a delivery is claimed after its dispatch."""
HASH = "abcdef012345" + "0" * 52


@pytest.fixture
def delivery(db: None, wiped_redis: redis.Redis) -> Delivery:
    """A forwarded mail, as Redis and PostgreSQL know it."""
    row = Delivery.objects.create(
        sns_message_id="sns-1",
        recipient=HASH,
        state="finished",
        outcome="forwarded",
        reason="existing_mask",
        claimed_until=NOW,
        created_at=NOW,
        finished_at=NOW,
        purpose="received",
        mask="random-1",
        sqs_message_id="sqs-1",
        mail_id="in/ses-1",
        sent_as="0100-out",
    )
    reference = f"{row.pk}-{HASH[:12]}"
    # Now: what SES received before Redis's first event may have more to its story.
    received_at_ms = int(time.time() * 1000)
    about = MessageContext("sqs-1", "sns-1", "in/ses-1", received_at_ms=received_at_ms).to_text()
    Story(100).tell(
        wiped_redis,
        [
            Event(0, "enqueued", "sqs-1", about, f"mail {received_at_ms} 1 bulk"),
            Event(0, "begun", "sqs-1", "", "worker-1"),
            Event(
                *(0, "ended", "sqs-1", ""),
                f"done |0 claimed {reference};0 mask random-1;0 sent {reference} 0100-out",
            ),
        ],
    )
    return row


def told(*arguments: str) -> Any:
    out = StringIO()
    call_command("trace", *arguments, "--json", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_from_each_id_all_others_and_how_it_ended(delivery: Delivery) -> None:
    reference = f"{delivery.pk}-{HASH[:12]}"
    ids = ["sqs-1", "sns-1", "in/ses-1", "ses-1", "0100-out", reference, str(delivery.pk)]

    (first, *others) = [told(one)[0] for one in ids]

    assert others == [first] * (len(ids) - 1)
    assert first["mail_ids"] == ["0100-out", "in/ses-1"]
    assert first["masks"] == ["random-1"]
    assert first["ends"] == [f"received {reference}: forwarded existing_mask"]
    assert first["unknown"] == []
    whats = {step["what"] for step in first["steps"]}
    assert whats == {
        *("received_by_ses", "sent_to_sqs", "enqueued", "begun", "ended"),
        *("claimed", "mask", "sent", "recorded"),
    }


def test_lines_are_for_people(delivery: Delivery) -> None:
    out = StringIO()
    call_command("trace", "sqs-1", stdout=out)

    assert "SQS message: sqs-1" in out.getvalue()
    assert "accepted by SES  delivery=" in out.getvalue()


def test_a_masks_mail_is_found_by_its_time(delivery: Delivery) -> None:
    assert told("random-1", "--at", NOW.isoformat())[0]["sqs_message_ids"] == ["sqs-1"]

    Delivery.objects.create(
        sns_message_id="sns-2",
        recipient=HASH,
        state="claimed",
        mask="random-1",
        claimed_until=NOW,
        created_at=NOW + timedelta(minutes=5),
    )
    several = told("random-1", "--at", NOW.isoformat(), "--within", "10m")
    assert [one["end"] for one in several] == [
        "forwarded existing_mask",
        "claimed, not settled yet",
    ]
    assert len(told("random-1", "--at", NOW.isoformat(), "--within", "1m")) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["ann@owner.example"], "without @"),
        (["nobody"], "Nothing is known of nobody."),
        (["x7k2", "--at", "2026-01-01"], "random-12, domain-3"),
        (["random-1", "--at", "yesterday"], "2026-01-31T23:59:00Z"),
        (["random-1", "--at", "2026-01-01", "--within", "1"], "--within: an age is"),
        (["random-1", "--at", "2020-01-01"], "No mail to random-1"),
    ],
)
def test_what_can_not_be_told_is_complained_of(
    delivery: Delivery, arguments: list[str], complaint: str
) -> None:
    with pytest.raises(CommandError, match=complaint):
        call_command("trace", *arguments, stdout=StringIO())


def test_without_redis_postgresql_tells_and_without_it_redis(
    delivery: Delivery, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(rows, "find_deliveries", fail)
        (found,) = told("sqs-1")
    assert found["unknown"] == [
        "PostgreSQL can't be read (DatabaseError): what it knows is missing."
    ]
    assert found["masks"] == ["random-1"]

    settings.CONFIG = settings.CONFIG.__class__(
        **{**vars(settings.CONFIG), "redis_url": f"redis://{NOWHERE}/0"}
    )
    fail_fast_redis.cache_clear()
    (found,) = told("sqs-1")
    assert found["unknown"] == [
        f"Redis ({NOWHERE}) can't be read (Connection refused): what it knows is missing."
    ]
    assert found["ends"] == [f"received {delivery.pk}-{HASH[:12]}: forwarded existing_mask"]


@pytest.fixture
def operator(delivery: Delivery, client: Client) -> Client:
    client.force_login(a_member_of_staff("view_delivery"))
    return client


def test_the_page_shows_the_story(operator: Client) -> None:
    answer = operator.get("/admin/trace/", {"id": "sns-1"})

    assert answer.status_code == 200
    assert "forwarded existing_mask" in answer.content.decode()
    assert "accepted by SES" in answer.content.decode()


def test_the_form_leads_to_it_and_puts_no_address_into_a_url(operator: Client) -> None:
    assert operator.get("/admin/trace/").status_code == 200
    found = operator.post("/admin/trace/find/", {"id": " sqs-1 "})
    assert (found.status_code, found["Location"]) == (302, "/admin/trace/?id=sqs-1")

    of_mask = operator.post("/admin/trace/find/", {"id": "random-1", "at": NOW.isoformat()})
    assert of_mask.status_code == 302

    refused = operator.post("/admin/trace/find/", {"id": "ann@owner.example"})
    assert refused.status_code == 400
    assert "without @" in refused.content.decode()
    assert operator.get("/admin/trace/", {"id": "nobody"}).status_code == 404


@pytest.mark.parametrize("path", ["/admin/trace/", "/admin/trace/find/"])
def test_who_may_not_see_deliveries_may_not_see_their_stories(
    delivery: Delivery, client: Client, path: str
) -> None:
    ask = client.get if path.endswith("trace/") else client.post
    assert ask(path).status_code == 302
    client.force_login(a_member_of_staff("view_dead_letter"))

    assert ask(path).status_code == 403
