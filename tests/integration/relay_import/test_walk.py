"""Moving on whole processes: import, follow, mail to each kind of mask, replies, and going back."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.integration.conftest import logged, wait_for_log
from tests.integration.relay_import.conftest import beside
from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.local.firefox_relay import FIRST_DOMAIN, SECOND_DOMAIN, FirefoxRelay, sha256
from tools.local.stack import CommandFailed, Stack

pytestmark = pytest.mark.slow

ID = "0100019291f7e695-7-000000"
PREMIUM = {"subscriptions": ["premium-relay"], "locale": "de"}
FIELDS = {"from": "Bob <bob@sender.example>"}
MAIL = (
    "From: Bob <bob@sender.example>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@x>\r\n"
    "\r\nHi.\r\n"
)


@pytest.fixture
def stack(
    database_url: str, reader_url: str, redis_url: str, fast_aws: FastAws, tmp_path: Path
) -> Iterator[Stack]:
    """A relay with an empty database of its own, and Firefox Relay's beside it."""
    redis.Redis.from_url(redis_url).flushdb()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS relay_moved WITH (FORCE)")
        connection.execute("CREATE DATABASE relay_moved")
    for domain in (FIRST_DOMAIN, SECOND_DOMAIN, f"ann.{SECOND_DOMAIN}"):
        fast_aws._ses.create_email_identity(EmailIdentity=domain)
    with Stack(
        tmp_path,
        fast_aws,
        redis_url=redis_url,
        database_url=beside(database_url, "relay_moved"),
        MASK_DOMAINS=f"{SECOND_DOMAIN},{FIRST_DOMAIN}",
        REPLIES_ADDRESS=f"replies@{SECOND_DOMAIN}",
        RELAY_FROM_ADDRESS=f"relay@{SECOND_DOMAIN}",
        RELAY_SOURCE_DATABASE_URL=reader_url,
        RELAY_FIREFOX_DOMAIN=FIRST_DOMAIN,
        MOZMAIL_DOMAIN=SECOND_DOMAIN,
        PROCESS_EMAIL_GRACE_SECONDS="60",
    ) as stack:
        yield stack


@pytest.mark.timeout(400)
def test_a_move_from_beginning_to_end_and_back(
    stack: Stack, fast_aws: FastAws, website: FirefoxRelay
) -> None:
    aws = fast_aws
    ann = website.add_owner("ann@home.example", name="ann", account=PREMIUM)
    shop = website.add_mask(ann, "shop")
    website.add_mask(ann, "old", domain=1)
    website.add_mask(ann, "shut", enabled=False)
    website.add_domain_mask(ann, "club")
    website.add_reply(ID, mask=shop, fields=FIELDS)
    website.delete_mask(website.add_mask(ann, "departed"))
    departed = sha256(f"carl.{SECOND_DOMAIN}")
    website.run("INSERT INTO emails_registeredsubdomain (subdomain_hash) VALUES (%s)", departed)

    stack.manage("migrate", "--verbosity", "0")
    assert "random_masks: 3 at the source, 3 here, 0 not taken" in stack.manage("import_relay")

    bridge, workers = stack.start_bridge(), stack.start_workers()
    manage = [str(Path(__file__).parents[3] / "manage.py"), "import_relay", "--follow", "0.2"]
    follower = stack.start("follower", manage, {})
    follower.wait_until(lambda: "Following." in follower.log.read_text())

    def deliver(address: str, subject: str, raw: str = MAIL) -> None:
        aws.deliver(raw.format(subject=subject).encode(), (address,))

    def settled(reason: str) -> None:
        wait_for_log(workers, "settled", reason=reason)

    # Mail to each kind of mask.
    for name, address in {
        "one": f"shop@{SECOND_DOMAIN}",
        "two": f"old@{FIRST_DOMAIN}",
        "three": f"club@ann.{SECOND_DOMAIN}",
        "four": f"shut@{SECOND_DOMAIN}",
    }.items():
        deliver(address, name)
    wait_until("three mails forwarded", lambda: len(aws.sent()) == 3, 60)
    settled("blocks_all")
    assert {mail.recipients for mail in aws.sent()} == {("ann@home.example",)}

    # A reply to a mail that Firefox Relay forwarded, to its address.
    answer = (
        "From: ann@home.example\r\nSubject: Re: {subject}\r\n"
        f"In-Reply-To: <{ID}@email.amazonses.com>\r\n\r\nThanks.\r\n"
    )
    deliver(f"replies@{FIRST_DOMAIN}", "five", answer)
    settled("premium")
    assert aws.sent()[-1].recipients == ("bob@sender.example",)
    assert aws.sent()[-1].sender == f"shop@{SECOND_DOMAIN}"

    # A mask that is made, and one that is deleted, on the website meanwhile.
    website.add_mask(ann, "new")
    deliver(f"new@{SECOND_DOMAIN}", "six")
    wait_until("the new mask gets its mail", lambda: len(aws.sent()) == 5, 60)
    website.delete_mask(shop)
    wait_until(
        "the deletion was followed",
        lambda: any(line.get("deleted") for line in logged(follower, "followed")),
        60,
    )
    deliver(f"shop@{SECOND_DOMAIN}", "seven")
    settled("deleted")

    # What somebody had is never given again.
    for command in (
        ("add_user", "new@home.example", "--premium", "--subdomain", "carl"),
        ("add_mask", "ann@home.example", "--address", "departed"),
        ("add_mask", "ann@home.example", "--address", "shop"),
    ):
        with pytest.raises(CommandFailed, match=r"taken|before"):
            stack.manage(*command)

    # Going back: nothing is left in flight, and the source is as the website left it.
    wait_until("an empty queue", lambda: aws.count(aws.queue_url) == 0, 60)
    bridge.stop()
    assert logged(bridge, "bridge stopped")[0]["left_in_flight"] == 0
    follower.stop()
    assert "Traceback" not in follower.log.read_text()
    assert len(aws.sent()) == 5
    assert website.run("SELECT count(*) FROM emails_relayaddress") == [(3,)]
