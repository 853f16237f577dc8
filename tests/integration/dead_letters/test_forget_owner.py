"""`manage.py forget_owner`: everywhere, and nobody else's."""

import json

import pytest
import redis
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from bridge.ledger.dead_letters import DeadLetters
from emails.models import (
    BlockedSender,
    DeletedMask,
    DomainMask,
    HeldMail,
    Profile,
    RandomMask,
    RegisteredSubdomain,
    hash_of,
)
from tests.dead_letters import Bury, dead
from tests.integration.emails.conftest import a_domain_mask, a_held_mail, a_mask, an_owner
from tests.unit.emails.builders import as_json, received
from tools.local.aws import BUCKET, LocalAws

pytestmark = pytest.mark.django_db

ANN, EVE = "ann@owner.example", "joann@owner.example"
ANNS, EVES = "x7k2@masks.example", "ax7k2@masks.example"


@pytest.fixture
def local(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    return aws


@pytest.fixture
def ann(store: DeadLetters) -> Profile:
    """An owner with a mask of each kind; and another one whose addresses end alike."""
    ann, eve = an_owner(ANN, is_premium=True, subdomain="ann"), an_owner(EVE)
    a_mask(ann, "x7k2")
    a_mask(eve, "ax7k2")
    a_domain_mask(ann)
    return ann


def bury_mail(
    bury: Bury, local: LocalAws, name: str, *to: str, source: str = "bob@s.example"
) -> str:
    """Bury the notification of a mail, which is in S3."""
    local.s3.put_object(Bucket=BUCKET, Key=f"key-{name}", Body=b"From: x\r\n\r\nswordfish\r\n")
    headers = {"From": source, "Subject": "swordfish"}
    document = received(*to, headers=headers, key=f"key-{name}", source=source)
    return bury(notification=as_json(document), dead_letter_id=name)


def forget(owner: Profile, capsys: pytest.CaptureFixture[str]) -> str:
    call_command("forget_owner", owner.pk, "--yes")
    return capsys.readouterr().out


def test_an_owner_is_forgotten_in_the_database_in_redis_and_in_s3(
    ann: Profile,
    local: LocalAws,
    bury: Bury,
    client: redis.Redis,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, to in (
        ("mask", ANNS),
        ("tagged", "X7K2+shop@masks.example"),
        ("domain", "shop@ann.masks.example"),
        ("new", "never-seen@ann.masks.example"),
    ):
        bury_mail(bury, local, name, to)
    bury_mail(bury, local, "reply", "replies@masks.example", source=f"Ann <{ANN}>")
    bounce = {
        "notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": ANN.upper()}]},
        "mail": {"source": ANNS},
    }
    bury(notification=json.dumps(bounce), dead_letter_id="bounce")
    key = HeldMail.objects.get(pk=a_held_mail(ann, bucket=BUCKET)).key
    local.s3.put_object(Bucket=BUCKET, Key=key, Body=b"From: x\r\n\r\nswordfish\r\n")
    user = ann.user.pk

    told = forget(ann, capsys)

    assert dead(client) == []
    assert local.stored_mails() == []
    assert not Profile.objects.filter(subdomain="ann").exists()
    assert not get_user_model().objects.filter(pk=user).exists()
    assert HeldMail.objects.count() == BlockedSender.objects.count() == 0
    assert "found: 6 dead letters" in told
    assert "removed: 6 dead letters" in told
    assert "removed: 6 mails in S3" in told
    assert "removed: 1 rows of emails.RandomMask" in told
    assert told.endswith("Nothing is left.\n")
    assert "owner.example" not in told


def test_nobody_ever_gets_their_addresses(
    ann: Profile, local: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    forget(ann, capsys)

    hashes = set(DeletedMask.objects.values_list("address_hash", flat=True))
    assert hashes == {hash_of(ANNS), hash_of("shop@ann.masks.example")}
    assert RegisteredSubdomain.objects.get().name_hash == hash_of("ann")


def test_what_is_others_stays(
    ann: Profile,
    local: LocalAws,
    bury: Bury,
    client: redis.Redis,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also where an address of theirs ends like one of the owner's."""
    kept = {
        bury_mail(bury, local, "eves", EVES),
        bury_mail(bury, local, "reply", "replies@masks.example", source=EVE),
        bury_mail(bury, local, "nobodys", "x7k2@masks.example.org"),
        bury_mail(bury, local, "joanns", "shop@joann.masks.example"),
    }

    told = forget(ann, capsys)

    assert set(dead(client)) == kept
    assert len(local.stored_mails()) == 4
    assert RandomMask.objects.get().address == EVES
    assert DomainMask.objects.count() == 0
    assert Profile.objects.get().user.email == EVE
    assert told.endswith("Nothing is left.\n")


def test_a_dead_letter_that_is_another_owners_too_stays_and_is_counted(
    ann: Profile,
    local: LocalAws,
    bury: Bury,
    client: redis.Redis,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bury_mail(bury, local, "both", ANNS, EVES)

    told = forget(ann, capsys)

    assert dead(client) == ["both"]
    assert local.stored_mails() == ["key-both"]
    assert "1 dead letters shared with other owners, which stay" in told
    assert told.endswith("Nothing else is left.\n")


def test_if_s3_does_not_delete_the_owner_is_still_there_to_try_again(
    ann: Profile, bury: Bury, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    a_held_mail(ann, bucket=BUCKET)
    bury(notification=as_json(received(ANNS)), dead_letter_id="mask")

    with pytest.raises(CommandError, match="try again"):
        call_command("forget_owner", ann.pk, "--yes")

    assert dead(client) == ["mask"]
    assert Profile.objects.filter(pk=ann.pk).exists()
    assert HeldMail.objects.count() == 1


def test_what_is_left_somewhere_is_said(ann: Profile, local: LocalAws) -> None:
    """Somebody wrote the address where no row of the owner's is."""
    RandomMask.objects.filter(local="ax7k2").update(label=f"not {ANN}'s")

    with pytest.raises(CommandError, match="Something is left"):
        call_command("forget_owner", ann.pk, "--yes")


def test_without_a_yes_nothing_is_removed(ann: Profile, local: LocalAws) -> None:
    with pytest.raises(CommandError, match="Nothing was removed"):
        call_command("forget_owner", ann.pk)

    assert Profile.objects.filter(pk=ann.pk).exists()


def test_an_unknown_owner_is_said_to_be_unknown() -> None:
    with pytest.raises(CommandError, match="no owner 4711"):
        call_command("forget_owner", 4711, "--yes")
