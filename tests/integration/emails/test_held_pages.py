"""`manage.py held_mails` and the admin's page: what operators see and do, without content."""

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from emails.management.commands import held_mails
from emails.models import HeldMail
from tests.integration.emails.conftest import a_held_mail, a_mask, an_owner

pytestmark = pytest.mark.django_db

PAGE = "/admin/emails/heldmail/"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("held_mails", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def listed(*arguments: str) -> list[int]:
    return [json.loads(line)["id"] for line in run("list", "--json", *arguments).splitlines()]


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    return str(refused.value)


def states() -> list[str]:
    return list(HeldMail.objects.order_by("pk").values_list("state", flat=True))


def test_held_mails_are_listed_by_what_is_asked_and_none_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held_mails, "_PAGE", 2)
    ann, eve = an_owner("ann@owner.example"), an_owner("eve@owner.example")
    mask = a_mask(ann)
    mine = [a_held_mail(ann, random_mask=mask) for _ in range(5)]
    hers = a_held_mail(eve, reason="mailbox", state="releasing")

    assert listed() == [*mine, hers]
    assert listed("--owner", str(ann.pk)) == listed("--mask", f"random-{mask.pk}") == mine
    assert listed("--reason", "mailbox") == listed("--state", "releasing") == [hers]
    assert listed(str(mine[3]), str(hers)) == [mine[3], hers]
    assert "more than 3" in run("list", "--limit", "3")
    assert "more" not in run("list", "--limit", "6")


def test_one_is_shown_without_its_mail() -> None:
    mail = a_held_mail(an_owner())

    shown = json.loads(run("show", str(mail), "--json"))

    assert (shown["id"], shown["reason"], shown["spam"]) == (mail, "spam", "PASS")
    assert "reason: spam" in run("show", str(mail))
    assert refusal("show", "0") == "There is no held mail 0."


def test_held_mails_are_released_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_mails, "_PAGE", 2)
    ann = an_owner()
    first = a_held_mail(ann)
    for _ in range(3):
        a_held_mail(ann, reason="mailbox")

    assert run("release", str(first), "0", "--yes") == "1 released, 1 gone\n"
    assert states() == ["releasing", "held", "held", "held"]
    assert run("delete", "--reason", "mailbox", "--dry-run").count("\n") == 3
    assert run("delete", "--reason", "mailbox", "--yes") == "3 deleted\n"
    assert states() == ["releasing", "ended", "ended", "ended"]
    assert run("release", "--all", "--yes") == "0 released\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["release"], "Say which"),
        (["delete", "--yes"], "Say which"),
        (["release", "1", "--all"], "not both"),
        (["release", "0", "--yes"], "None of these is held."),
        (["release", "--all"], "There is no terminal"),
        (["list", "--mask", "x7k2"], "no mask's id"),
        (["list", "--reason", "whim"], "invalid choice"),
    ],
)
def test_what_is_unclear_is_refused_and_changes_nothing(
    arguments: list[str], expected: str
) -> None:
    a_held_mail(an_owner())

    assert expected in refusal(*arguments)
    assert states() == ["held"]


# --- the admin -----------------------------------------------------------------------------------


def a_client(*permissions: str) -> Client:
    user = get_user_model().objects.create(username="op", is_staff=True)
    names = [f"{permission}_heldmail" for permission in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client(headers={"x-forwarded-proto": "https"})
    client.force_login(user)
    return client


def act(client: Client, action: str, *ids: int) -> Any:
    data = {"action": action, "_selected_action": ids}
    return client.post(PAGE, data, follow=True)


def test_who_may_see_held_mails_sees_them_and_may_not_act() -> None:
    mail = a_held_mail(an_owner())
    client = a_client("view")

    assert "spam" in client.get(PAGE).content.decode()
    page = client.get(f"{PAGE}{mail}/change/").content.decode()
    assert "ann@owner.example" not in page
    for action in ("release", "discard", "delete_selected"):
        act(client, action, mail)
    assert client.post(f"{PAGE}{mail}/delete/", {"post": "yes"}).status_code == 403
    assert states() == ["held"]


@pytest.mark.parametrize(
    ("action", "permission", "state"),
    [("release", "release", "releasing"), ("discard", "delete", "ended")],
)
def test_who_may_act_does_so_by_post_and_it_is_recorded(
    action: str, permission: str, state: str
) -> None:
    ann = an_owner()
    mail, other = a_held_mail(ann), a_held_mail(ann)
    client = a_client("view", permission)

    client.get(PAGE, {"action": action, "_selected_action": str(mail)})
    assert states() == ["held", "held"]
    answer = act(client, action, mail)

    assert states() == [state, "held"]
    assert "1 held mails" in answer.content.decode()
    assert LogEntry.objects.get().change_message.endswith("1 held mails.")
    assert other


def test_nobody_deletes_a_row_that_leads_to_a_mail() -> None:
    mail = a_held_mail(an_owner())
    client = a_client("view", "delete")

    act(client, "delete_selected", mail)
    client.post(f"{PAGE}{mail}/delete/", {"post": "yes"})

    assert states() == ["held"]
