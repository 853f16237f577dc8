"""An owner turns the digest of held mails off, and on again."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.test import Client

from emails.models import Delivery, HeldDigest, HeldMail, Profile
from emails.store import digests
from tests.integration.emails.digests.conftest import hold, send_due, sent, text_of
from tests.integration.emails.owner_pages.conftest import Site, everything

DAY = timedelta(days=1)


@pytest.fixture
def told(site: Site) -> Site:
    """The owner got the digest."""
    send_due(site.relay)
    assert len(sent(site.relay)) == 1
    return site


def test_who_turned_the_digest_off_gets_none_and_mail_is_held_all_the_same(told: Site) -> None:
    page = told.after(told.post("digest/", action="digest_off"))

    assert "The digest is off." in page
    assert "nothing tells you when a mail is held" in page
    hold(told.relay, "untold")
    told.relay.now += 2 * DAY
    send_due(told.relay)
    assert len(sent(told.relay)) == 1
    assert HeldMail.objects.filter(state="held").count() == 4


def test_turned_on_again_the_next_digest_tells_of_all_that_is_still_held(told: Site) -> None:
    told.post("digest/", action="digest_off")
    hold(told.relay, "untold")
    told.relay.now += 2 * DAY
    send_due(told.relay)

    page = told.after(told.post("digest/", action="digest_on"))
    send_due(told.relay)

    assert "The digest is on again." in page
    assert len(sent(told.relay)) == 2
    assert "untold" in text_of(sent(told.relay)[1])


def test_a_digest_that_was_open_is_not_sent_any_more_and_its_mails_are_told_of_later(
    site: Site,
) -> None:
    site.post("digest/", action="digest_off")

    send_due(site.relay)

    assert sent(site.relay) == []
    assert HeldDigest.objects.get().ended_at is not None
    assert Delivery.objects.get(sns_message_id=f"digest-{site.digest}").reason == (
        "digest_not_needed"
    )
    site.post("digest/", action="digest_on")
    site.relay.pass_time(2 * DAY)
    send_due(site.relay)
    text = text_of(sent(site.relay)[0])
    for subject in ("first", "second", "third"):
        assert subject in text


def test_a_second_press_is_harmless(told: Site) -> None:
    told.post("digest/", action="digest_off")
    before = everything()

    page = told.after(told.post("digest/", action="digest_off"))

    assert "Nothing was left to do." in page
    assert everything() == before


def test_it_is_the_owners_digest_alone_that_stops(told: Site) -> None:
    told.post("digest/", action="digest_off")

    assert not digests.find_whether_wanted(told.owner.pk)
    assert not Profile.objects.exclude(pk=told.owner.pk).filter(gets_digests=False).exists()


def test_the_digest_and_mail_programs_lead_to_the_switch_and_no_program_can_press_it(
    told: Site,
) -> None:
    raw = told.relay.mailer.sent[0].raw
    (line,) = [line for line in raw.split(b"\r\n") if line.startswith(b"List-Unsubscribe")]
    mail = message_from_bytes(raw, policy=policy.default)
    link = mail["List-Unsubscribe"].strip("<>")

    assert line == f"List-Unsubscribe: <{link}>".encode()
    assert mail["List-Unsubscribe-Post"] is None
    for kind in ("plain", "html"):
        assert link in text_of(sent(told.relay)[0], kind)
    path = link.partition("//")[2].partition("/")[2]
    assert "Turn the digest off" in told.client.get(f"/{path}").content.decode()
    before = everything()
    answer = told.client.post(f"/{path}", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 403
    assert everything() == before


def test_an_operator_sees_and_changes_it_in_the_admin(told: Site, admin_client: Client) -> None:
    told.post("digest/", action="digest_off")
    path = f"/admin/emails/profile/{told.owner.pk}/change/"
    form = admin_client.get(path, secure=True).context["adminform"].form
    assert form["gets_digests"].value() is False

    fields = {name: "" if value is None else value for name, value in form.initial.items()}
    admin_client.post(path, fields | {"gets_digests": "on"}, secure=True)

    assert digests.find_whether_wanted(told.owner.pk)
