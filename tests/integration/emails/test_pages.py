"""The admin and the previews: support sees them, nobody else does."""

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import Client

from emails.models import Delivery, Reply
from emails.values.notices import NoticeKind
from tests.integration.emails.conftest import Relay, a_domain_mask, a_mask, an_owner
from tests.unit.emails.builders import NOW

MODELS = [
    "abusecounter",
    "blockedsender",
    "deletedmask",
    "delivery",
    "domainmask",
    "profile",
    "randommask",
    "registeredsubdomain",
    "reply",
]


@pytest.fixture
def client() -> Client:
    """A browser that uses https, as the settings require."""
    return Client(headers={"x-forwarded-proto": "https"})


@pytest.fixture
def staff(db: None, client: Client) -> Client:
    """A member of support, logged in."""
    client.force_login(get_user_model().objects.create_superuser("staff", "", "x"))
    return client


def test_help_texts_contain_no_html_which_the_admin_would_render() -> None:
    for model in apps.get_app_config("emails").get_models():
        for field in model._meta.get_fields():
            assert "<" not in str(getattr(field, "help_text", "")), field


@pytest.mark.parametrize("model", MODELS)
def test_the_admin_lists_and_searches_every_table(staff: Client, relay: Relay, model: str) -> None:
    owner = an_owner(is_premium=True, subdomain="ann")
    a_mask(owner)
    a_domain_mask(owner)
    relay.arrive("x7k2@masks.example")

    page = staff.get(f"/admin/emails/{model}/", {"q": "ann@owner.example"})

    assert page.status_code == 200


def test_the_admin_shows_a_reply_record_without_its_data(staff: Client, relay: Relay) -> None:
    a_mask(an_owner())
    relay.arrive("x7k2@masks.example")
    reply = Reply.objects.get()

    page = staff.get(f"/admin/emails/reply/{reply.pk}/change/").content.decode()

    assert reply.lookup not in page
    assert "bob@sender.example" not in page


def test_a_delivery_in_doubt_can_be_sent_again(staff: Client) -> None:
    for state in ("in_doubt", "claimed"):
        Delivery.objects.create(
            sns_message_id=state,
            recipient="0" * 64,
            state=state,
            claimed_until=NOW,
            created_at=NOW,
        )
    ids = list(Delivery.objects.values_list("pk", flat=True))

    staff.post("/admin/emails/delivery/", {"action": "send_again", "_selected_action": ids})

    assert Delivery.objects.get().state == "claimed"


@pytest.mark.parametrize("name", [*NoticeKind, "forwarded"])
@pytest.mark.parametrize("language", ["en", "fr", "de", "es"])
def test_staff_see_every_mail_in_every_language(staff: Client, name: str, language: str) -> None:
    html = staff.get(f"/emails/preview/{name}.{language}.html")
    text = staff.get(f"/emails/preview/{name}.{language}.txt")

    assert "x7k2@masks.example" in html.content.decode()
    assert "x7k2@masks.example" in text.content.decode()
    assert text["Content-Type"].startswith("text/plain")


def test_the_previews_are_listed(staff: Client) -> None:
    page = staff.get("/emails/preview/").content.decode()

    assert "/emails/preview/mask_disabled.de.html" in page


@pytest.mark.parametrize("path", ["nothing.en.html", "mask_disabled.xx.html"])
def test_an_unknown_preview_is_not_found(staff: Client, path: str) -> None:
    assert staff.get(f"/emails/preview/{path}").status_code == 404


@pytest.mark.parametrize("path", ["", "mask_disabled.en.html"])
def test_nobody_else_sees_previews(db: None, client: Client, path: str) -> None:
    client.force_login(get_user_model().objects.create_user("somebody"))

    assert client.get(f"/emails/preview/{path}").status_code == 302


def test_anybody_can_read_why_a_link_was_removed(client: Client) -> None:
    page = client.get("/emails/tracker-warning/", headers={"accept-language": "de"})

    assert "Dieser Link wurde entfernt" in page.content.decode()
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert page["Referrer-Policy"] == "no-referrer"
