"""A mail may have been sent: an operator says whether it was, for one or for many."""

from datetime import UTC, datetime
from io import StringIO

import pytest
import redis
from django.core.management import CommandError, call_command
from django.test import Client

from emails.models import Delivery
from emails.values.deliveries import NO_END
from relay.operations.dead_letters import handling
from tests.dead_letters import Bury, dead, queued
from tests.integration.dead_letters.conftest import ACT, LIST, text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

DOUBT = "refused:send_in_doubt"


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("dead_letters", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def in_doubt(dead_letter_id: str) -> str:
    """Record the doubt that a dead letter is about; return SNS's id."""
    (letter,) = handling.find_by_id(handling.store(), [dead_letter_id])
    assert letter.sns_message_id
    Delivery.objects.get_or_create(
        sns_message_id=letter.sns_message_id,
        recipient="0" * 64,
        state="in_doubt",
        claimed_until=NO_END,
        created_at=datetime.now(UTC),
    )
    return letter.sns_message_id


@pytest.mark.parametrize("action", ["was-sent", "was-not-sent"])
def test_both_answers_settle_the_doubt_and_requeue(
    bury: Bury, client: redis.Redis, action: str
) -> None:
    in_doubt(bury(dead_letter_id="a", reason=DOUBT))
    bury(dead_letter_id="b", reason=DOUBT)
    bury(dead_letter_id="c")

    said, _ = run(action, "a", "b", "c", "--yes")

    assert said == "1 not_in_doubt, 2 requeued\n"
    assert (dead(client), queued(client)) == (["c"], 2)
    states = list(Delivery.objects.values_list("state", "outcome", "reason"))
    expected = [("finished", "forwarded", "said_sent")] if action == "was-sent" else []
    assert states == expected


def test_one_in_doubt_is_not_deleted_for_it_would_come_back(
    bury: Bury, client: redis.Redis
) -> None:
    bury(dead_letter_id="a", reason=DOUBT)
    bury(dead_letter_id="b")
    with pytest.raises(CommandError, match="1 in doubt, and left"):
        run("delete", "--all", "--yes")
    assert dead(client) == ["a"]


def test_an_old_one_is_deleted_all_the_same(bury: Bury, client: redis.Redis) -> None:
    bury(dead_letter_id="a", reason=DOUBT, sent_days_ago=15)
    run("delete", "--all", "--yes")
    assert dead(client) == []


@pytest.mark.parametrize(("action", "states"), [("sent", ["finished"]), ("unsent", [])])
def test_the_page_offers_both_answers(
    staff: Client, bury: Bury, client: redis.Redis, action: str, states: list[str]
) -> None:
    in_doubt(bury(dead_letter_id="a", reason=DOUBT))
    page = text(staff.get(f"{LIST}a/"))
    assert "It was sent: end it" in page
    assert "It was not sent: send it" in page
    staff.post(ACT, {"action": action, "id": "a"})
    assert queued(client) == 1
    assert list(Delivery.objects.values_list("state", flat=True)) == states


def test_deliveries_and_dead_letters_lead_to_each_other(
    staff: Client, bury: Bury, admin_user: object
) -> None:
    sns_message_id = in_doubt(bury(dead_letter_id="a", reason=DOUBT))
    bury(dead_letter_id="b", message_id="another")
    link = f"/admin/emails/delivery/?sns_message_id__exact={sns_message_id}"
    assert link in text(staff.get(f"{LIST}a/"))
    admin = Client(headers={"x-forwarded-proto": "https"})
    admin.force_login(admin_user)  # type: ignore[arg-type]
    back = f"../../dead-letters/?sns_message_id={sns_message_id}"
    assert back in text(admin.get(link))
    assert text(admin.get(f"{LIST}?sns_message_id={sns_message_id}")).count('name="id"') >= 1
    assert "There are no dead letters." in text(admin.get(f"{LIST}?sns_message_id=none"))


def test_a_list_says_that_there_is_more(bury: Bury) -> None:
    for _ in range(3):
        bury()
    said, warned = run("list", "--limit", "2")
    assert len(said.splitlines()) == 2
    assert warned == "2 of 3 shown: --limit N shows more.\n"
    assert run("list", "--limit", "3")[1] == ""


@pytest.mark.parametrize("action", ["requeue", "delete"])
def test_an_id_that_is_not_there_fails_the_command(bury: Bury, action: str) -> None:
    bury(dead_letter_id="a")
    with pytest.raises(CommandError, match="1 not there any more"):
        run(action, "a", "MISSING", "--yes")


def test_a_requeue_of_many_does_not_print_their_ids(
    bury: Bury, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(150):
        bury()
    assert run("requeue", "--all", "--yes")[0] == "150 requeued\n"
    assert "sqs-0001" not in str([one.__dict__ for one in caplog.records])
