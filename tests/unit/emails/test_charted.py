"""What operators chart of bounces, complaints and mails: few labels, and nothing of anybody's."""

import pytest
from markus.testing import MetricsMock

from emails.edges import charted
from emails.rules.providers import provider_of
from emails.values.facts import MissingMask
from emails.values.notifications import Bounce, BouncedRecipient, Complaint, SentMail
from runtime.dependencies import Dependency

SENT = SentMail("", "", (), ())


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("ann@gmail.com", "gmail"),
        ("<ann@GoogleMail.com>", "gmail"),
        ("ann@hotmail.co.uk", "outlook"),
        ("ann@yahoo.de", "yahoo"),
        ("ann@yahoo.evil.example", "other"),
        ("ann@gmail.com.evil.example", "other"),
        ("ann@small.example", "other"),
        ("ann", "none"),
        ("", "none"),
        ("ann@", "none"),
    ],
)
def test_only_large_providers_have_names(address: str, provider: str) -> None:
    assert provider_of(address) == provider


@pytest.mark.parametrize(
    ("given", "tags"),
    [
        (
            ("Permanent", "General", "5.1.1", "ann@gmail.com"),
            ["type:permanent", "subtype:general", "status:5.1", "domain:gmail"],
        ),
        (
            ("Transient", "MailboxFull", "", "x@small.example"),
            ["type:transient", "subtype:mailboxfull", "status:none", "domain:other"],
        ),
        (
            ("swordfish@x.example", "", "5.x", ""),
            ["type:other", "subtype:none", "status:none", "domain:none"],
        ),
    ],
)
def test_a_bounce_is_counted_by_what_ses_says(
    given: tuple[str, str, str, str], tags: list[str]
) -> None:
    kind, subkind, status, address = given
    recipient = BouncedRecipient(address, status=status)

    with MetricsMock() as counted:
        charted.bounced(Bounce(kind, subkind, (recipient,), SENT), recipient)

    counted.assert_incr_once("emails.bounce", tags=tags)


def test_a_complaint_is_counted_by_its_feedback() -> None:
    with MetricsMock() as counted:
        charted.complained(Complaint("not-spam", "", (), SENT))

    counted.assert_incr_once("emails.complaint", tags=["feedback:not-spam"])


@pytest.mark.parametrize(
    ("was_deleted", "has_name", "kind"),
    [(False, False, "unknown_mask"), (False, True, "unknown_owner"), (True, True, "deleted")],
)
def test_mail_to_no_mask_is_counted_by_kind(was_deleted: bool, has_name: bool, kind: str) -> None:
    with MetricsMock() as counted:
        charted.no_mask(MissingMask(was_deleted), has_name=has_name)

    counted.assert_incr_once("emails.nomask", tags=[f"kind:{kind}"])


def test_a_call_that_fails_is_timed_too() -> None:
    with MetricsMock() as counted:
        with pytest.raises(ValueError, match="fails"), charted.timed(Dependency.S3):
            raise ValueError("fails")
        charted.sized("sent", 1_234)

    counted.assert_timing_once("emails.call", tags=["dependency:s3"])
    counted.assert_histogram_once("emails.size", value=1_234, tags=["direction:sent"])
