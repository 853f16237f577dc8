"""Loops are broken within three rounds, through machines that aren't ours, too. Lesson 51."""

from collections.abc import Callable
from email import message_from_bytes
from email.message import Message

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from emails.values.outcomes import (
    Dropped,
    DropReason,
    Forwarded,
    ForwardReason,
    Held,
    HeldReason,
    Outcome,
)
from tests.integration.emails.conftest import Relay, a_domain_mask, a_mask, an_owner

FORWARDED = Forwarded(ForwardReason.EXISTING_MASK)
LOOP = Dropped(DropReason.LOOP)
SUSPECTED = Held(HeldReason.SUSPECTED_LOOP)
MASK = "x7k2@masks.example"
ROUNDS = 20

Answer = tuple[dict[str, str], str]
"""The headers of a machine's mail, and its envelope sender."""


def go_round(relay: Relay, machine: Callable[[Message], Answer], to: str = MASK) -> list[Outcome]:
    """Let a mail arrive, and a machine send another for each that the owner gets."""
    outcomes: list[Outcome] = [*relay.arrive(to)]
    while isinstance(outcomes[-1], Forwarded) and len(outcomes) < ROUNDS:
        headers, source = machine(message_from_bytes(relay.mailer.sent[-1].raw))
        raw = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\nAway.\r\n"
        outcomes += relay.arrive(to, raw=raw.encode(), headers=headers, source=source)
    return outcomes


def answering(**marks: str) -> Callable[[Message], Answer]:
    """A responder of the owner that answers `From`; `_` stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in marks.items()}
    return lambda _: ({"From": "Ann <ann@owner.example>", **named}, "ann@owner.example")


def elsewhere(_: Message) -> Answer:
    """A responder at the address that the owner's mailbox redirects to. It quotes no id."""
    return {"From": "ann@work.example", "Auto-Submitted": "auto-replied"}, "ann@work.example"


def quoting(relay: Relay) -> Callable[[Message], Answer]:
    def answer(_: Message) -> Answer:
        quoted = f"<0100-{len(relay.mailer.sent):04}@email.amazonses.com>"
        headers = {"From": "desk@work.example", "Auto-Submitted": "auto-generated"}
        return {**headers, "In-Reply-To": quoted}, "desk@work.example"

    return answer


def redirecting(mail: Message) -> Answer:
    return {name: str(value) for name, value in mail.items()}, "x7k2@masks.example"


def bouncing(_: Message) -> Answer:
    return {"From": "MAILER-DAEMON@owner.example", "Subject": "Undeliverable"}, "<>"


MACHINES: dict[str, tuple[Callable[[Message], Answer], int]] = {
    "a responder": (answering(Auto_Submitted="auto-replied"), 1),
    "an Exchange": (answering(Auto_Submitted="auto-generated"), 1),
    "an old responder": (answering(X_Autoreply="yes"), 1),
    "vacation(1)": (answering(Precedence="bulk"), 3),
    "a responder elsewhere": (elsewhere, 3),
    "a redirect": (redirecting, 1),
    "a server that reports to From": (bouncing, 3),
}
"""Machines that answer `From`, each with the rounds it gets: how many mails the owner sees.

After more than one, nothing is certain, and the mail is held."""


@pytest.mark.parametrize("machine", MACHINES)
def test_a_loop_is_broken_within_three_rounds(relay: Relay, machine: str) -> None:
    a_mask(an_owner())
    answer, rounds = MACHINES[machine]

    outcomes = go_round(relay, answer)

    is_certain = rounds == 1
    assert outcomes == [FORWARDED] * rounds + [LOOP if is_certain else SUSPECTED]
    assert len(relay.mailer.sent) == rounds
    assert len(relay.mail_store.mails) == (0 if is_certain else 1)


def test_a_machine_that_quotes_what_we_forwarded_gets_no_second_round(relay: Relay) -> None:
    a_mask(an_owner())

    assert go_round(relay, quoting(relay)) == [FORWARDED, LOOP]


def test_what_people_write_costs_no_lookup(relay: Relay) -> None:
    a_mask(an_owner())
    counted = []
    for quoted in ({}, {"In-Reply-To": "<1@sender.example>"}):
        with CaptureQueriesContext(connection) as queries:
            relay.arrive(MASK, headers={"From": "bob@sender.example", **quoted})
        counted.append(len(queries))

    assert counted[0] == counted[1]


def test_a_loop_over_a_catch_all_makes_no_masks(relay: Relay) -> None:
    an_owner(is_premium=True, subdomain="ann")
    to = "shop@ann.masks.example"

    outcomes = go_round(relay, answering(Auto_Submitted="auto-replied"), to)

    assert outcomes == [Forwarded(ForwardReason.NEW_MASK), LOOP]
    other = relay.arrive(
        "new@ann.masks.example",
        headers={"From": "ann@owner.example", "X-Autoreply": "yes"},
    )
    assert other == (LOOP,)


def test_a_redirect_to_another_owners_mask_is_no_loop_but_one_back_is(relay: Relay) -> None:
    a_mask(an_owner())
    a_mask(an_owner("bob@owner.example"), local="b1")
    relay.arrive(MASK)

    def redirect(to: str) -> tuple[Outcome, ...]:
        raw = relay.mailer.sent[-1].raw
        headers, source = redirecting(message_from_bytes(raw))
        return relay.arrive(to, raw=raw, headers=headers, source=source)

    assert redirect("b1@masks.example") == (FORWARDED,)
    assert relay.mailer.sent[-1].recipient == "bob@owner.example"
    assert redirect("b1@masks.example") == (LOOP,)
    assert redirect(MASK) == (LOOP,)


def test_owners_whose_addresses_are_each_others_masks_get_no_loop(relay: Relay) -> None:
    """Rows from before such addresses were refused."""
    a_mask(an_owner("b1@masks.example"))
    a_mask(an_owner(MASK), local="b1")
    outcomes = [*relay.arrive(MASK)]
    while isinstance(outcomes[-1], Forwarded) and len(outcomes) < ROUNDS:
        sent = relay.mailer.sent[-1]
        headers, source = redirecting(message_from_bytes(sent.raw))
        outcomes += relay.arrive(sent.recipient, raw=sent.raw, headers=headers, source=source)

    assert outcomes == [FORWARDED, FORWARDED, LOOP]


def test_the_loop_header_does_not_show_the_masks(relay: Relay) -> None:
    a_mask(an_owner())
    relay.arrive(MASK)

    (value,) = relay.mailer.mail_to("ann@owner.example").get_all("X-Mail-Relay-Loop", [])
    assert len(value) == 24
    assert "x7k2" not in value


HONEST: dict[str, dict[str, str]] = {
    "receipts": {"From": "shop@shop.example", "Auto-Submitted": "auto-generated"},
    "newsletters": {"From": "news@shop.example", "List-Id": "<news>", "Precedence": "bulk"},
    "a ticket's thread": {
        "From": "tickets@shop.example",
        "Auto-Submitted": "auto-generated",
        "In-Reply-To": "<1@shop.example>",
    },
    "a list that the owner writes to": {"From": "ann@owner.example", "List-Id": "<talk>"},
    "a person who writes often": {"From": "bob@sender.example", "In-Reply-To": "<1@x.example>"},
}


@pytest.mark.parametrize("headers", HONEST.values(), ids=HONEST)
def test_thirty_honest_mails_in_an_hour_arrive(relay: Relay, headers: dict[str, str]) -> None:
    a_mask(an_owner())

    outcomes = [relay.arrive(MASK, headers=headers) for _ in range(30)]

    assert outcomes == [(FORWARDED,)] * 30


def test_an_owner_may_write_to_their_own_mask(relay: Relay) -> None:
    a_mask(an_owner())

    outcomes = [relay.arrive(MASK, headers={"From": "ann@owner.example"}) for _ in range(11)]

    assert outcomes == [(FORWARDED,)] * 10 + [(SUSPECTED,)]


def test_two_responders_of_correspondents_are_counted_apart_and_forgotten_later(
    relay: Relay,
) -> None:
    a_mask(an_owner())

    def answer(who: str) -> tuple[Outcome, ...]:
        headers = {"From": f"{who}@sender.example", "Auto-Submitted": "auto-replied"}
        return relay.arrive(MASK, headers=headers, source=f"{who}@sender.example")

    assert [answer("bob")[0] for _ in range(3)] == [FORWARDED, FORWARDED, SUSPECTED]
    assert answer("cid") == (FORWARDED,)
    relay.now = relay.now.replace(hour=relay.now.hour + 2)
    assert answer("bob") == (FORWARDED,)


def test_an_answer_that_is_tried_again_is_counted_once(relay: Relay) -> None:
    """Otherwise retries would use up what honest answers may."""
    a_mask(an_owner())
    headers = {"From": "bob@sender.example", "Auto-Submitted": "auto-replied"}
    for _ in range(5):
        relay.pace.fails = [RuntimeError("SES is away")]
        with pytest.raises(RuntimeError):
            relay.arrive(MASK, headers=headers, source="bob@s.example", sns_message_id="one")

    outcome = relay.arrive(MASK, headers=headers, source="bob@s.example", sns_message_id="one")

    assert outcome == (FORWARDED,)


def test_a_loop_to_a_domain_mask_that_exists_is_broken_too(relay: Relay) -> None:
    a_domain_mask(an_owner(is_premium=True, subdomain="ann"))

    outcomes = go_round(relay, redirecting, "shop@ann.masks.example")

    assert outcomes == [FORWARDED, LOOP]
