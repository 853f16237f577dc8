"""The embedded servers are what they stand for, and are gone when they are stopped, or we are."""

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals

import environ
import psycopg
import pytest
import redis

from bridge.sns.certificates import PinnedCertificates
from bridge.sns.envelope import Envelope
from bridge.sns.reject_reasons import Rejected, RejectReason
from bridge.sns.signature import authenticate
from emails.values.notifications import Received, parse
from tests.integration.tools.conftest import StartProgram
from tests.waiting import wait_until
from tools.local import ses
from tools.local.aws import MAX_RECEIVES, TOPIC, LocalAws
from tools.local.postgres import LocalPostgres, programs_of_root
from tools.local.redis import LocalRedis

MAIL = b"From: Ann <ann@sender.example>\r\nTo: x7k2@masks.example\r\nSubject: Hi\r\n\r\nHello\r\n"
MASK = "x7k2@masks.example"

OWNER = """
import sys, time
from pathlib import Path
from tools.local.stack import Servers
servers = Servers(Path(sys.argv[1]))
print("all are there", flush=True)
{}
"""


@pytest.fixture
def own_redis(own_folder: Path) -> Iterator[LocalRedis]:
    server = LocalRedis(own_folder)
    yield server
    server.stop()


@pytest.fixture
def own_postgres(own_folder: Path) -> Iterator[LocalPostgres]:
    server = LocalPostgres(own_folder)
    yield server
    server.stop()


def test_what_makes_postgresqls_user_is_found_on_the_path_of_a_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with programs_of_root():
        found = shutil.which("useradd")

    assert found in ("/usr/sbin/useradd", "/sbin/useradd")
    assert os.environ["PATH"] == "/nowhere"


def test_redis_is_one_that_the_relay_accepts(own_redis: LocalRedis) -> None:
    client = redis.Redis.from_url(own_redis.url)

    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("save") == {"save": ""}
    assert client.eval("return ARGV[1]", 0, "scripts run") == b"scripts run"


def test_redis_comes_back_empty_at_its_address(own_redis: LocalRedis) -> None:
    url = own_redis.url
    redis.Redis.from_url(url).set("key", "value")

    own_redis.restart()

    assert own_redis.url == url
    assert redis.Redis.from_url(url).keys() == []


def test_redis_is_gone_when_it_is_stopped(own_redis: LocalRedis) -> None:
    own_redis.stop()

    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(own_redis.url).ping()


def test_postgres_is_found_by_django_and_by_psycopg(
    own_postgres: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the machine's own PostgreSQL is reached by."""
    monkeypatch.setenv("PGPORT", "9")
    monkeypatch.setenv("PGHOST", "elsewhere.example")
    django = environ.Env.db_url_config(own_postgres.url)

    with psycopg.connect(own_postgres.url) as connection:
        assert connection.info.encoding == "utf-8"
    with psycopg.connect(
        dbname=django["NAME"], user=django["USER"], port=django["PORT"], **django["OPTIONS"]
    ) as connection:
        assert connection.info.host.endswith("/postgres")


def test_postgres_comes_back_with_its_data_at_its_address(own_postgres: LocalPostgres) -> None:
    url = own_postgres.url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    own_postgres.restart()

    assert own_postgres.url == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_postgres_stops_whoever_is_connected(own_postgres: LocalPostgres, own_folder: Path) -> None:
    with psycopg.connect(own_postgres.url, autocommit=True) as idle:
        own_postgres.stop()

        with pytest.raises(psycopg.OperationalError):
            idle.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(own_postgres.url)
    log = (own_folder / "postgres.log").read_text()
    assert "database system is shut down" in log, "it had to be killed"


def received_bodies(aws: LocalAws) -> list[str]:
    answer = aws.sqs.receive_message(QueueUrl=aws.queue_url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


def authenticated(aws: LocalAws, body: str) -> Envelope:
    """Check a message body as the bridge does."""
    return authenticate(
        body,
        topics=(TOPIC,),
        versions=("2",),
        certificate_at=PinnedCertificates(aws.certificates).get,
        now=datetime.now(UTC),
    )


def test_a_delivered_mail_is_told_of_as_ses_and_sns_do(aws: LocalAws) -> None:
    aws.deliver(MAIL, [MASK], spam="FAIL")

    (body,) = received_bodies(aws)
    told = parse(authenticated(aws, body).message)
    assert isinstance(told, Received)
    assert told.recipients == (MASK,)
    (key,) = aws.stored_mails()
    assert aws.s3.get_object(Bucket="mails", Key=key)["Body"].read() == MAIL


def test_a_mail_may_be_told_of_with_its_content(aws: LocalAws) -> None:
    aws.notify(ses.received_inline(MAIL, [MASK], ses_id="1"))

    (body,) = received_bodies(aws)
    assert isinstance(parse(authenticated(aws, body).message), Received)
    assert aws.stored_mails() == []


def test_an_envelope_that_was_changed_is_rejected(aws: LocalAws) -> None:
    aws.deliver(MAIL, [MASK])
    (body,) = received_bodies(aws)

    with pytest.raises(Rejected) as rejected:
        authenticated(aws, body.replace("sender.example", "evil.example"))

    assert rejected.value.reason is RejectReason.BAD_SIGNATURE


def test_a_message_that_is_received_too_often_becomes_a_dead_letter(aws: LocalAws) -> None:
    message_id = aws.put("a message")

    for _ in range(MAX_RECEIVES + 1):
        aws.message_ids(aws.queue_url)

    assert aws.count(aws.queue_url) == 0
    assert aws.message_ids(aws.dead_letter_queue_url) == {message_id}


def test_what_is_reset_is_empty(aws: LocalAws) -> None:
    aws.deliver(MAIL, [MASK])

    aws.reset()

    assert (aws.count(aws.queue_url), aws.stored_mails(), aws.sent()) == (0, [], [])


def test_the_machines_own_aws_is_not_asked(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    aws = LocalAws(own_folder)
    try:
        aws.deliver(MAIL, [MASK])
        assert aws.count(aws.queue_url) == 1
        assert aws.sent() == []
    finally:
        aws.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_servers_do_not_outlive_us(
    start: StartProgram, own_folder: Path, number: Signals
) -> None:
    owner = start("-c", OWNER.format("time.sleep(600)"), str(own_folder))
    owner.wait_until_it_prints("all are there")
    assert len(owner.has_left()) > 3, "the test does not see them"

    owner.process.send_signal(number)
    owner.process.wait()

    wait_until("nothing left behind", lambda: not owner.has_left())


def test_the_servers_are_gone_when_they_are_stopped(start: StartProgram, own_folder: Path) -> None:
    owner = start("-c", OWNER.format("servers.stop(); time.sleep(600)"), str(own_folder))
    owner.wait_until_it_prints("all are there")

    wait_until("nothing left behind", lambda: not owner.has_left())
    assert owner.process.poll() is None, "it was not its end that ended them"


def test_what_came_to_an_owners_own_name_can_be_sent_from_there(aws: LocalAws) -> None:
    """SES needs no word about subdomains of a verified domain; moto does."""
    recipients = ["shop@ann.masks.example", "SHOP@Ann.masks.example", "shop@masks.example"]
    for _ in range(2):
        aws.deliver(b"From: bob@sender.example\r\n\r\nhello\r\n", recipients)

    aws._ses.send_email(
        FromEmailAddress="shop@ann.masks.example",
        Destination={"ToAddresses": ["ann@owner.example"]},
        Content={"Raw": {"Data": b"From: shop@ann.masks.example\r\n\r\nhello\r\n"}},
    )

    assert [mail.sender for mail in aws.sent()] == ["shop@ann.masks.example"]
