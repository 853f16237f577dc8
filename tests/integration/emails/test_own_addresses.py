"""An owner's real address is never one of ours: their mail would go in a circle."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from emails.admin import OwnersUserForm
from emails.checks import owners_have_addresses_elsewhere
from tests.integration.emails.conftest import an_owner

pytestmark = pytest.mark.django_db

OURS = [
    "loop@masks.example",
    "LOOP@Masks.Example",
    "shop@ann.masks.example",
    "a@b.c.masks.example",
    "replies@masks.example",
    "replies+x@masks.example",
    "relay@masks.example",
    "relay+x@masks.example",
    '"loop"@masks.example',
    "loop@\uff4dasks.example",  # as wide as a Japanese letter; the same domain
]
ELSEWHERE = ["ann@owner.example", "ann@otherMasks.example", "masks.example@owner.example"]


@pytest.mark.parametrize("address", OURS)
def test_the_command_and_the_model_refuse_our_own_addresses(address: str) -> None:
    with pytest.raises(CommandError, match="relay's own"):
        call_command("add_user", address)
    with pytest.raises(ValidationError, match="relay's own"):
        an_owner(address).full_clean()


@pytest.mark.parametrize("address", ELSEWHERE)
def test_all_others_are_accepted(address: str) -> None:
    call_command("add_user", address)

    an_owner(f"x{address}").full_clean()


TAKEN = [
    "ann@owner.example",
    "ann+x@owner.example",
    "ANN+x@Owner.Example",
    "ann+x+y@owner.example",
    '"ann"@owner.example',
    "ann+x@\uff4fwner.example",
]
NOWHERE = ["ann@localhost", "ann@mail.local", "ann@[127.0.0.1]"]


@pytest.mark.parametrize("address", TAKEN)
@pytest.mark.parametrize("first", ["ann@owner.example", "ann+first@owner.example"])
def test_another_owners_address_with_another_tag_is_refused(first: str, address: str) -> None:
    """Replies are compared without the tag: either owner could write as the other."""
    an_owner(first)

    with pytest.raises(CommandError, match=r"Another owner|already exists|valid email"):
        call_command("add_user", address)


def test_an_owner_may_change_the_tag_of_their_own() -> None:
    owner = an_owner("ann+first@owner.example")
    owner.user.email = "ann+second@owner.example"
    owner.user.save()

    owner.full_clean()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ann@strasse.example", "ann@stra\u00dfe.example"),
        ("ann@owner.example", "anna@owner.example"),
        ("ann@owner.example", "ann@other.example"),
        ("a_n@owner.example", "abn@owner.example"),
    ],
)
def test_somebody_elses_similar_address_is_accepted(first: str, second: str) -> None:
    an_owner(first)

    call_command("add_user", second)


@pytest.mark.parametrize("address", NOWHERE)
def test_an_address_of_a_local_network_is_refused(address: str) -> None:
    with pytest.raises(CommandError, match=r"can be reached|valid email"):
        call_command("add_user", address)
    with pytest.raises(ValidationError, match="can be reached"):
        an_owner(address).full_clean()


def change(owner_id: int | None, address: str) -> str:
    """Change a user's address in the admin's form; returns the form's errors about it."""
    owner = an_owner()
    if owner_id is None:
        owner.delete()
    form = OwnersUserForm({"username": "ann", "email": address}, instance=owner.user)
    return str(form.errors.get("email", ""))


def test_the_admin_refuses_what_is_another_owners() -> None:
    an_owner("eve@owner.example")

    assert "Another owner" in change(1, "eve+x@owner.example")


def test_the_admin_refuses_them_for_owners_only() -> None:
    assert "own addresses" in change(1, "loop@masks.example")


def test_the_admin_leaves_other_users_alone() -> None:
    assert change(None, "admin@masks.example") == ""


def test_the_check_finds_rows_from_before() -> None:
    ours = [an_owner(address) for address in dict.fromkeys(map(str.lower, OURS))]
    an_owner()

    (warning,) = owners_have_addresses_elsewhere(databases=["default"])

    assert warning.id == "emails.W001"
    assert f"{len(ours)} owners" in warning.msg
    assert str(ours[0].pk) in str(warning.hint)
    assert "masks.example" not in str(warning)


def test_the_check_is_silent_where_all_is_well_or_no_database_is_asked_for() -> None:
    an_owner()
    assert owners_have_addresses_elsewhere(databases=["default"]) == []
    an_owner("loop@masks.example")
    assert owners_have_addresses_elsewhere(databases=None) == []
