"""`manage.py control` and its page: what they order, refuse, and leave behind."""

import json
from io import StringIO

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client

from relay.operations.controls import handling
from relay.operations.controls.describe import find_sentences
from relay.operations.models import ControlRecord
from runtime.controls.values import Action
from tests.integration.emails.conftest import a_mask, an_owner
from tests.integration.operations.conftest import a_member_of_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wiped_redis")]

PAGE = "/admin/controls/"
ORDER = {"action": "pause-sending", "target": "", "lasts": "2h", "why": "SES asked us to"}


def control(*arguments: str) -> tuple[str, str]:
    """Run the command; return what it printed, and what it printed as errors."""
    out, err = StringIO(), StringIO()
    call_command("control", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def in_force() -> list[tuple[Action, str]]:
    return [(one.action, one.target) for one in handling.find_active()]


def for_an_hour(*arguments: str) -> tuple[str, str]:
    return control(*arguments, "--for", "1h", "--why", "a drill", "--by", "ann")


def test_a_pause_is_ordered_listed_and_ended() -> None:
    said, _ = for_an_hour("pause", "sending")
    assert said.startswith("Sending paused until ")
    assert "by ann: a drill. Mails wait in SQS and Redis. End it: manage.py control end " in said
    assert in_force() == [(Action.PAUSE_SENDING, "")]
    assert control("list")[0] == said

    said, _ = control("resume", "sending", "--by", "bob")

    assert said.startswith("Ended: sending paused (control ")
    assert in_force() == []
    assert control("list")[0] == "No control is in force.\n"
    assert "Ended by bob at " in control("list", "--all")[0]
    row = ControlRecord.objects.get()
    assert (row.action, row.by, row.why, row.ended_by) == (
        "pause-sending",
        "ann",
        "a drill",
        "bob",
    )


def test_each_kind_of_mail_is_frozen_and_unfrozen() -> None:
    owner = an_owner()
    mask = a_mask(owner)
    freezes = {
        "mask": f"random-{mask.pk}",
        "owner": str(owner.pk),
        "domain": "shop.example",
        "reason": "new_mask",
    }
    for what, target in freezes.items():
        said, _ = for_an_hour("freeze", what, target)
        assert said.startswith(f"{what} {target} frozen until".capitalize())
    assert in_force() == [(Action(f"freeze-{what}"), target) for what, target in freezes.items()]
    for what, target in freezes.items():
        control("unfreeze", what, target)
    assert in_force() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("freeze", "mask", "random-99999"), "there is no mask random-99999."),
        (("freeze", "owner", "99999"), "there is no owner 99999."),
        (("freeze", "owner", "ann@home.example"), "takes the id of an owner's profile"),
        (("freeze", "reason", "virus"), "freeze-reason takes cannot_be_sent, deactivated, "),
    ],
)
def test_what_does_not_exist_can_t_be_frozen(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        for_an_hour(*arguments)
    assert in_force() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resume", "sending"), "No pause-sending is in force."),
        (("unfreeze", "owner", "7"), "No freeze-owner 7 is in force."),
        (("end", "nonsense"), "No control nonsense is in force."),
    ],
)
def test_what_is_not_in_force_can_t_be_ended(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        control(*arguments)


def test_a_longer_pause_than_sqs_keeps_mail_is_refused() -> None:
    with pytest.raises(CommandError, match="must end after 72 hours at most"):
        control("pause", "sending", "--for", "4d", "--why", "a drill", "--by", "ann")


def test_without_the_database_a_control_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", away)
        patched.setattr(connection, "ensure_connection", away)
        _, said = for_an_hour("freeze", "owner", "7")
    assert said == "The database can't be used: only the log has a record of this.\n"
    assert in_force() == [(Action.FREEZE_OWNER, "7")]


def test_a_wiped_redis_is_said_by_the_command_and_on_the_page(
    client: Client, wiped_redis: redis.Redis
) -> None:
    for_an_hour("freeze", "domain", "shop.example")
    wiped_redis.flushdb()
    said, warned = control("list")
    assert said == "No control is in force.\n"
    assert warned.startswith("Lost, and not in force: freeze-domain shop.example until ")
    client.force_login(a_member_of_staff("view_control"))
    assert "Lost, and not in force: freeze-domain shop.example" in client.get(PAGE).text


def test_the_list_is_one_json_object_a_line() -> None:
    for_an_hour("pause", "receiving")
    (one,) = map(json.loads, control("list", "--json")[0].splitlines())
    assert (one["action"], one["by"], one["why"]) == ("pause-receiving", "ann", "a drill")


def test_the_dashboard_s_first_line_says_what_is_ordered(wiped_redis: redis.Redis) -> None:
    for_an_hour("pause", "sending")
    secrets = django_settings.CONFIG.ledger_secrets
    (said,) = find_sentences(wiped_redis, secrets, handling.now_ms())
    assert said.startswith("Sending paused until ")
    handling.store().note_lost(2, 1_700_000_000_000)
    said, _ = find_sentences(wiped_redis, secrets, handling.now_ms())
    assert said.startswith("Redis lost 2 controls at 2023-11-14 22:13 UTC")


def test_the_page_orders_and_ends(client: Client) -> None:
    client.force_login(a_member_of_staff("view_control", "change_control"))
    page = client.post(f"{PAGE}order/", ORDER, follow=True).text
    assert "Sending paused until " in page
    (made,) = handling.find_active()
    assert (made.by, made.why) == ("staff", "SES asked us to")
    page = client.post(f"{PAGE}end/", {"id": made.id}, follow=True).text
    assert "Ended: sending paused." in page
    assert "No control is in force." in page
    assert in_force() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lasts": "soon"}, "A time is a whole number and a unit"),
        ({"lasts": "9d"}, "must end after 72 hours at most"),
        ({"why": ""}, "This field is required."),
        ({"action": "freeze-owner", "target": "ann@home.example"}, "the id of an owner"),
        ({"action": "stop"}, "Select a valid choice."),
    ],
)
def test_the_page_says_what_is_wrong(client: Client, changes: dict[str, str], said: str) -> None:
    client.force_login(a_member_of_staff("view_control", "change_control"))
    assert said in client.post(f"{PAGE}order/", ORDER | changes).text
    assert in_force() == []


def test_the_page_asks_for_permission(client: Client) -> None:
    client.force_login(a_member_of_staff("view_control"))
    assert "Order it" not in client.get(PAGE).text
    assert client.post(f"{PAGE}order/", ORDER).status_code == 403
    assert client.post(f"{PAGE}end/", {"id": "x"}).status_code == 403


def test_the_page_is_not_for_everybody(client: Client) -> None:
    client.force_login(a_member_of_staff())
    assert client.get(PAGE).status_code == 403
