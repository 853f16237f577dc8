"""What bounces at the fast local AWS: named addresses, and SES's simulator."""

from typing import Any

import pytest

from emails.rules.bounce_evidence import judge
from emails.values.mailboxes import BounceMeaning
from emails.values.notifications import Bounce, parse
from tests.unit.emails.builders import as_json
from tools.aws.bounces import HARD, VACATION_REPLY, bounce_of
from tools.aws.ses import Accepted

TAGS = (("kind", "forward"), ("mask", "random-1"))


def a_mail(recipient: str) -> Accepted:
    return Accepted(0, "key", "x7k2@masks.example", (recipient,), b"", "0100-1", TAGS)


@pytest.mark.parametrize(
    ("recipient", "bouncing", "meaning"),
    [
        ("ann@owner.example", {"ann@owner.example": HARD}, BounceMeaning.GONE),
        (
            "ann@owner.example",
            {"ann@owner.example": VACATION_REPLY},
            BounceMeaning.AUTOMATIC_ANSWER,
        ),
        ("bounce@simulator.amazonses.com", {}, BounceMeaning.GONE),
        ("bounce+random-1@simulator.amazonses.com", {}, BounceMeaning.GONE),
        ("suppressionlist@simulator.amazonses.com", {}, BounceMeaning.GONE),
        ("ooto@simulator.amazonses.com", {}, BounceMeaning.AUTOMATIC_ANSWER),
    ],
)
def test_what_bounces_is_a_notification_that_we_read(
    recipient: str, bouncing: dict[str, dict[str, str]], meaning: BounceMeaning
) -> None:
    bounced = parse(as_json(bounce_of(a_mail(recipient), bouncing)))

    assert isinstance(bounced, Bounce)
    (told,) = bounced.recipients
    assert judge(bounced.kind, bounced.subkind, told) is meaning
    assert (told.address, bounced.mail.destination) == (recipient, (recipient,))
    assert (bounced.mail.message_id, bounced.mail.tag("mask")) == ("0100-1", "random-1")
    assert bounced.took is not None


@pytest.mark.parametrize("recipient", ["bob@owner.example", "success@simulator.amazonses.com"])
def test_the_others_arrive(recipient: str) -> None:
    others: dict[str, Any] = {"ann@owner.example": HARD}

    assert bounce_of(a_mail(recipient), others) is None
