"""A setting that breaks every mail: operators correct it, and every mail is sent.

Before, 14 minutes with a misspelt bucket made 5,840 dead letters.
"""

import pytest

from runtime.dependencies import Dependency
from tests.integration.faults.conftest import Running
from tools.local.logs import lines


def test_a_misspelt_bucket_costs_no_mail_anything(relay: Running) -> None:
    relay.start(AWS_S3_EMAIL_BUCKET="mial")
    relay.lab.deliver(30)
    relay.wait_for_open(Dependency.CONFIGURATION)

    relay.workers[0].stop()
    relay.start_workers()

    relay.wait_until_settled()
    assert relay.books().cost == {}
    assert relay.open_breakers() == []
    logged = [line for process in relay.workers for line in lines(process.log)]
    errors = {line["message"] for line in logged if line["level"] == "error"}
    assert errors == {"breaker opened"}, "not each message that was put back"


@pytest.mark.parametrize(
    ("unmigrate", "migrate"),
    [
        ("TABLE emails_delivery RENAME TO later", "TABLE later RENAME TO emails_delivery"),
        (
            "TABLE emails_delivery RENAME COLUMN outcome TO later",
            "TABLE emails_delivery RENAME COLUMN later TO outcome",
        ),
    ],
    ids=["a table", "a column"],
)
def test_a_migration_that_was_not_applied_costs_no_mail_anything(
    relay: Running, unmigrate: str, migrate: str
) -> None:
    relay.lab.execute(f"ALTER {unmigrate}")
    relay.start()
    relay.lab.deliver(30)
    relay.wait_for_open(Dependency.CONFIGURATION)

    relay.lab.execute(f"ALTER {migrate}")

    relay.wait_until_settled()
    assert relay.books().cost == {}
    assert relay.open_breakers() == []
