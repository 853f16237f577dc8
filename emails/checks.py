"""Django's checks of what the database contains: `manage.py check --database default`, and at each
`migrate`."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError

from emails.models import Profile, is_own_address

_SHOWN = 10


@checks.register(checks.Tags.database)
def owners_have_addresses_elsewhere(
    databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Warn of owners whose real address is one of the relay's own: their mail comes back to us.

    Such addresses are refused now; rows may be older, or `MASK_DOMAINS` has become longer.
    """
    if not databases:
        return []
    try:
        addresses = list(Profile.objects.values_list("pk", "user__email"))
    except DatabaseError:
        return []  # before the first migration
    own = [str(pk) for pk, address in addresses if is_own_address(address)]
    if not own:
        return []
    shown = ", ".join(own[:_SHOWN]) + (", …" if len(own) > _SHOWN else "")
    return [
        checks.Warning(
            f"{len(own)} owners have one of the relay's own addresses as their real address.",
            hint=f"Their mail is sent in a circle. Give them another address: profiles {shown}.",
            id="emails.W001",
        )
    ]
