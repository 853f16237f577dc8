"""An owner with held mails, and their browser at the digest's link."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from emails.edges.held_links import make_link_token
from emails.models import BlockedSender, HeldDigest, HeldMail, Profile
from emails.store import digests, held
from tests.integration.emails.conftest import SECRET, Relay, a_mask, an_owner
from tests.integration.emails.digests.conftest import hold

ADDRESS = "ann@owner.example"
EVE = "Eve <eve@evil.example>"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers' side has its secret from its ports; here both have the same."""
    monkeypatch.setattr(settings, "REPLY_SECRETS", (SECRET,))


class Site:
    """An owner with held mails, and their browser at the digest's link."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.client = Client(headers={"x-forwarded-proto": "https"})
        self.owner = an_owner(ADDRESS, blocks_spam=True)
        self.mask = a_mask(self.owner)
        hold(relay, "first")
        hold(relay, "second")
        hold(relay, "third", From=EVE)
        self.relay.now += timedelta(hours=1)
        opened = digests.open_digest(self.owner.pk, relay.now)
        assert opened is not None
        self.digest = opened.id
        self.url = f"/emails/held/{make_link_token(opened.id, self.owner.pk, ADDRESS)}/"
        self.mails = [mail.id for mail in held.find_held()]

    def get(self, path: str = "", **headers: str) -> Any:
        return self.client.get(self.url + path, headers=headers)

    def post(self, path: str = "", **fields: object) -> Any:
        """Press a button: the form's token is the page's."""
        found = re.search(r'name="form" value="([^"]+)"', self.get(path).content.decode())
        form = {"form": found[1]} if found else {}
        return self.client.post(self.url + path, form | fields)

    def after(self, answer: Any) -> str:
        """Follow the redirect of a POST; return the page."""
        assert answer.status_code == 303
        page = self.client.get(answer["Location"])
        assert page.status_code == 200
        return str(page.content.decode())

    def states(self) -> dict[int, str]:
        return dict(HeldMail.objects.order_by("pk").values_list("pk", "state"))


@pytest.fixture
def site(relay: Relay) -> Site:
    return Site(relay)


def everything() -> list[Any]:
    """The content of all tables that the pages can change."""
    tables = (HeldMail, HeldDigest, BlockedSender, Profile)
    return [list(table.objects.order_by("pk").values()) for table in tables]
