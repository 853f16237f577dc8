"""How many notices an owner gets: at most one of a kind for each mask and day. Pure.

Each notice has a slot, and each slot is claimed once, like a delivery. What strangers can bring
about has fewer slots: all replies that anybody may have written share one a day, and of the notices
about mail that strangers send, an owner gets `MAX_BY_STRANGERS` a day, for however many masks.
"""

from dataclasses import dataclass
from datetime import date

from emails.rules.notice_kinds import UNPROVEN
from emails.values.notices import NoticeKind

MAX_BY_STRANGERS = 10

_FOR_ALL_MASKS = frozenset(
    {NoticeKind.REPLIES_PAUSED, NoticeKind.SPAM_BLOCKING_ON, NoticeKind.MAILBOX_BACK}
)
BY_STRANGERS = frozenset(
    {NoticeKind.MAIL_UNSENDABLE, NoticeKind.MAIL_REFUSED, NoticeKind.MAIL_REFUSED_AS_SPAM}
)


@dataclass(frozen=True, slots=True)
class Slot:
    """Names a notice that is sent at most once: within a group, which may have a limit."""

    group: str
    name: str
    limit: int | None = None


def slot_of(kind: NoticeKind, owner_id: int, mask: str, day: date) -> Slot:
    """Return the slot of a notice about a mask; `mask` is empty if it is about none."""
    group = f"notices-{owner_id}-{day}"
    if kind in UNPROVEN:
        return Slot(group, "unproven")
    name = str(kind) if kind in _FOR_ALL_MASKS else f"{kind} {mask}"
    if kind in BY_STRANGERS:
        return Slot(f"{group}-strangers", name, MAX_BY_STRANGERS)
    return Slot(group, name)
