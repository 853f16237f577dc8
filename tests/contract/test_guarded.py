"""Each call of S3 and SES reports its result to the circuit breakers."""

import pytest
import redis

from emails.edges.guarded import GuardedMailer, GuardedMailStore
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import NotFinished, Refused, Unavailable
from emails.values.notifications import StoredMail
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from tests.fakes import ANY_ROOM, FakeMailer, FakeMailStore
from tools.local.aws import BUCKET

MAIL = StoredMail(BUCKET, "key")
OUTGOING = Outgoing(b"", "x7k2@masks.example", "ann@owner.example", ())


@pytest.fixture
def breakers(redis_client: redis.Redis) -> Breakers:
    return Breakers(redis_client)


def fetch(breakers: Breakers, *failures: Exception) -> None:
    store = FakeMailStore()
    store.mails, store.fails = {MAIL: b""}, failures
    guarded = GuardedMailStore(store, breakers)
    for _ in failures:
        with pytest.raises((NotFinished, Refused)):
            guarded.fetch(MAIL, ANY_ROOM)


def send(breakers: Breakers, *failures: Exception) -> None:
    mailer = FakeMailer()
    mailer.fails = failures
    guarded = GuardedMailer(mailer, breakers)
    for failure in failures:
        with pytest.raises(type(failure)):
            guarded.send(OUTGOING)


DENIED = Unavailable("mail_store_unavailable", Dependency.S3, "AccessDenied")
PAUSED = Unavailable("sender_unavailable", Dependency.SES, "SendingPausedException")


def test_what_s3_fails_at_opens_its_breaker(breakers: Breakers) -> None:
    fetch(breakers, *[DENIED] * 5)

    assert {name: one.code for name, one in breakers.find_open().items()} == {"s3": "AccessDenied"}


def test_what_ses_fails_at_or_never_answers_opens_its_breaker(breakers: Breakers) -> None:
    send(breakers, PAUSED, SendInDoubt(), PAUSED, SendInDoubt(), SendInDoubt())

    assert {name: one.code for name, one in breakers.find_open().items()} == {"ses": "no_answer"}


def test_while_ses_fails_a_check_goes_ahead_of_each_mail_so_that_none_is_in_doubt(
    breakers: Breakers,
) -> None:
    down = Unavailable("sender_unavailable", Dependency.SES, "InternalFailure")
    mailer = FakeMailer()
    mailer.fails, mailer.is_down = [SendInDoubt()] * 5, down
    guarded = GuardedMailer(mailer, breakers)

    for _ in range(5):
        with pytest.raises(SendInDoubt):
            guarded.send(OUTGOING)
    for _ in range(5):
        with pytest.raises(Unavailable):
            guarded.send(OUTGOING)
    assert set(breakers.find_open()) == {Dependency.SES}
    mailer.is_down = None
    guarded.send(OUTGOING)

    assert (breakers.find_open(), mailer.sent) == ({}, [OUTGOING])


@pytest.mark.parametrize(
    "answer",
    [
        Refused("mail_too_large"),
        NotFinished("mail_missing", max_tries=8),
        NotFinished("mail_store_throttled"),
    ],
    ids=lambda answer: answer.reason,
)
def test_any_answer_about_the_mail_counts_as_working(breakers: Breakers, answer: Exception) -> None:
    fetch(breakers, *[DENIED] * 4, answer, *[DENIED] * 4)

    assert breakers.find_open() == {}


def test_a_mail_that_is_fetched_or_sent_shows_that_the_settings_are_right(
    breakers: Breakers,
) -> None:
    for use in (fetch, send):
        for _ in range(5):
            breakers.failed(Dependency.CONFIGURATION, "AWS_S3_EMAIL_BUCKET")
        assert set(breakers.find_open()) == {Dependency.CONFIGURATION}

        use(breakers, Refused("send_rejected"))

        assert breakers.find_open() == {}
