"""How much of a field is read or kept: a hostile mail must cost no more than an honest one."""

import pytest

from emails.rules.addresses import Address
from emails.rules.bounce_evidence import says_spam
from emails.rules.senders import is_authenticated
from emails.rules.threads import thread_of
from emails.values.facts import Verdict
from tests.unit.emails.builders import a_mail

OWNER = Address("ann", "owner.example")


@pytest.mark.parametrize(("characters", "expected"), [(9_000, True), (10_000, False)])
def test_of_authentication_results_that_may_be_cut_nothing_is_read(
    characters: int, expected: bool
) -> None:
    results = f"amazonses.com;{' ' * characters}dkim=pass header.d=owner.example"
    mail = a_mail(
        {"Authentication-Results": results}, dmarc=Verdict.GRAY, spf=Verdict.FAIL, dkim=Verdict.PASS
    )

    assert is_authenticated(mail, OWNER) is expected


@pytest.mark.parametrize(("characters", "expected"), [(1_990, True), (2_000, False)])
def test_only_the_start_of_a_diagnostic_is_read(characters: int, expected: bool) -> None:
    assert says_spam(f"{'.' * characters} spam") is expected


@pytest.mark.parametrize(("length", "is_kept"), [(998, True), (999, False)])
def test_an_id_longer_than_a_line_may_be_is_not_kept_for_the_reply(
    length: int, is_kept: bool
) -> None:
    long_id = "@s.example".rjust(length, "x")
    mail = a_mail({"Message-ID": f"<{long_id}>", "References": f"<a@s.example> <{long_id}>"})

    thread = thread_of(mail)

    assert thread is not None
    assert (thread.message_id == long_id) is is_kept
    assert (long_id in thread.references) is is_kept
