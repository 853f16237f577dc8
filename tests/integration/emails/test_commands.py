"""`add_user` and `add_mask`: one JSON object, or one clear line."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from emails.models import DomainMask, Profile, RandomMask

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> Any:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return json.loads(out.getvalue())


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    return str(refused.value)


def test_an_owner_is_created() -> None:
    made = run("add_user", "o'neil_+x@owner.example", "--premium", "--subdomain", "Ann")

    profile = Profile.objects.get()
    assert made == {
        "id": profile.pk,
        "email": "o'neil_+x@owner.example",
        "premium": True,
        "subdomain": "ann",
    }
    assert profile.user.email == "o'neil_+x@owner.example"


def test_masks_are_created() -> None:
    run("add_user", "ann@owner.example", "--premium", "--subdomain", "ann")

    chance = run("add_mask", "Ann@owner.example")
    named = run("add_mask", "ann@owner.example", "--address", "Shop", "--block", "promotions")
    domain = run("add_mask", "ann@owner.example", "--address", "shop@ann.masks.example")

    assert chance["kind"] == "random"
    assert chance["address"].endswith("@masks.example")
    assert (named["address"], named["block"]) == ("shop@masks.example", "promotions")
    assert domain["kind"] == "domain"
    assert (RandomMask.objects.count(), DomainMask.objects.count()) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["ann@owner.example"], "A user with this address already exists."),
        (["ANN@owner.example"], "A user with this address already exists."),
        (["ann"], "Enter a valid email address."),
        ([""], "This user has no mail address to forward to."),
        (["eve@owner.example", "--subdomain", "eve"], "premium"),
        (["eve@owner.example", "--premium", "--subdomain", "www"], "not allowed"),
        (["eve@owner.example", "--premium", "--subdomain", "ANN"], "taken"),
    ],
)
def test_an_invalid_owner_is_refused_in_one_line(arguments: list[str], expected: str) -> None:
    run("add_user", "ann@owner.example", "--premium", "--subdomain", "ann")

    said = refusal("add_user", *arguments)

    assert expected in said
    assert "\n" not in said
    assert Profile.objects.count() == 1


def test_a_non_field_error_has_no_prefix() -> None:
    run("add_user", "ann@owner.example")
    run("add_mask", "ann@owner.example", "--address", "shop")

    said = refusal("add_mask", "ann@owner.example", "--address", "shop")

    assert said == "There is such a mask already."


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["eve@owner.example"], "No owner has this address."),
        (["ann@owner.example", "--address", "shop"], "There is such a mask already."),
        (["ann@owner.example", "--address", "SHOP"], "There is such a mask already."),
        (["ann@owner.example", "--address", "replies"], "This address is reserved."),
        (["ann@owner.example", "--address", "noreply"], "This address is reserved."),
        (["ann@owner.example", "--address", "odd local"], "A mask can't have this name."),
        (["ann@owner.example", "--address", "x@sender.example"], "can't use this domain"),
        (["ann@owner.example", "--address", "x@eve.masks.example"], "can't use this domain"),
        (["ann@owner.example", "--address", "gone"], "was a mask before"),
    ],
)
def test_an_invalid_mask_is_refused_in_one_line(arguments: list[str], expected: str) -> None:
    run("add_user", "ann@owner.example")
    run("add_mask", "ann@owner.example", "--address", "shop")
    run("add_mask", "ann@owner.example", "--address", "gone")
    RandomMask.objects.get(local="gone").delete()

    said = refusal("add_mask", *arguments)

    assert expected in said
    assert "\n" not in said
    assert RandomMask.objects.count() == 1


def test_a_name_is_never_given_to_a_second_owner() -> None:
    run("add_user", "ann@owner.example", "--premium", "--subdomain", "ann")
    Profile.objects.get().user.delete()

    assert "taken" in refusal("add_user", "eve@owner.example", "--premium", "--subdomain", "ann")
