"""What any visitor can send: nothing of it reaches Sentry, and every answer has its policy."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sentry_sdk
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.transport import Transport

from runtime import sentry
from tests.integration.operations.conftest import a_member_of_staff

SECRET = "swordfish"


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent += [json.dumps(item.payload.json) for item in envelope.items]


@pytest.fixture
def reported() -> Iterator[list[str]]:
    """What goes to Sentry."""
    transport = Kept()
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        transport=transport,
        integrations=[DjangoIntegration()],
        before_send=sentry.scrub,
        send_default_pii=False,
        include_local_variables=False,
    )
    with sentry_sdk.isolation_scope():
        yield transport.sent
    sentry_sdk.get_global_scope().set_client(None)


def answer(path: str, host: str) -> int:
    """Send a request through the whole application, as gunicorn does."""
    statuses: list[str] = []

    def start(status: str, headers: object, error: object = None) -> Callable[[bytes], object]:
        statuses.append(status)
        return len

    environ = RequestFactory().get(path, headers={"host": host}).environ
    environ["HTTP_X_FORWARDED_PROTO"] = "https"
    list(WSGIHandler()(environ, start))
    return int(statuses[0].split()[0])


@pytest.mark.parametrize("host", ["evil.example", f"{SECRET}@localhost", "a b", "localhost:x"])
def test_a_wrong_host_makes_no_event(db: None, reported: list[str], host: str) -> None:
    sentry.ignore_noise()

    assert answer(f"/emails/held/{SECRET}/", host) == 400
    assert reported == []


@pytest.mark.django_db
def test_an_event_of_a_page_that_fails_names_the_page_and_not_its_path(
    reported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr("django.urls.resolvers.URLResolver.resolve", fail)

    assert answer(f"/emails/note/off/{SECRET}/", "localhost") == 500
    (event,) = reported
    assert "ValueError" in event
    assert SECRET not in event


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/login/", 200),
        ("/admin/", 302),
        ("/", 302),
        ("/nothing/", 404),
        ("/__lbheartbeat__", 200),
        ("/emails/held/forged/", 403),
        ("/emails/tracker-warning/", 200),
        ("/admin/dead-letters/", 302),
    ],
)
def test_every_answer_has_a_policy(db: None, client: Client, path: str, status: int) -> None:
    page = client.get(path)

    assert page.status_code == status
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/emails/preview/", "/emails/preview/forwarded.en.html"])
def test_a_preview_of_a_mail_has_styles_and_no_scripts(db: None, client: Client, path: str) -> None:
    client.force_login(a_member_of_staff())

    policy = client.get(path)["Content-Security-Policy"]

    assert "default-src 'none'; style-src 'unsafe-inline'" in policy
    assert "script" not in policy
