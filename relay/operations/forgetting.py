"""Forgets an owner: in the database, among the dead letters, and in S3.

    find      what there is of the owner: by the rows' keys, and by a search of the dead letters
    remove    mails and dead letters first: without the owner's row nobody would find them again
    search    all tables and dead letters for the owner's addresses, to prove that nothing is left

A dead letter in which another owner has a part stays, and is counted: SNS signed it as a whole. Of
the masks and the name keyed hashes stay, so that nobody else ever gets them.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Field, QuerySet, TextField
from django.db.models.functions import Cast

from bridge.ledger.dead_letters import DeadLetters
from emails.models import DomainMask, HeldMail, Profile, RandomMask
from emails.rules import addresses
from emails.values import notifications
from emails.values.errors import Refused
from emails.values.notifications import Received, StoredMail
from relay.operations.dead_letters import handling
from relay.operations.dead_letters.filters import Filters
from relay.operations.dead_letters.letter import DeadLetter

Delete = Callable[[str, Sequence[str]], Mapping[str, str]]
"""Deletes keys of a bucket; returns those that were not deleted."""

_S3_BATCH = 100
_TEXTS = ("CharField", "TextField", "EmailField", "JSONField", "SlugField", "GenericIPAddressField")


class MailsNotDeleted(Exception):
    """S3 did not delete some mails; the text has its error codes. Nothing else was removed."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of an owner. `addresses` are all that lead to them, `name` is their own."""

    owner: Profile
    addresses: frozenset[str]
    name: str | None
    letters: list[DeadLetter] = field(default_factory=list)
    shared_letters: list[DeadLetter] = field(default_factory=list)
    mails: set[StoredMail] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """Count it, by what it is."""
        return {
            "addresses": len(self.addresses),
            "held mails": HeldMail.objects.filter(owner=self.owner).count(),
            "mails in S3": len(self.mails),
            "dead letters": len(self.letters),
            "dead letters shared with other owners, which stay": len(self.shared_letters),
        }

    def is_in(self, text: str) -> bool:
        """Return whether a text has one of the addresses, or the name."""
        return _pattern(self.addresses, self.name).search(text) is not None


def find(owner: Profile, dead_letters: DeadLetters, now: datetime) -> Found:
    """Find what there is of an owner. Errors of Redis and the database pass through."""
    masks = [
        mask.address
        for table in (RandomMask, DomainMask)
        for mask in table.objects.filter(profile=owner)
    ]
    found = Found(owner, frozenset({owner.user.email.lower(), *masks}), owner.subdomain)
    for letter in handling.find(dead_letters, Filters(), now):
        if not found.is_in(_text_of(letter)):
            continue
        is_shared, mail = _whose(letter, found)
        (found.shared_letters if is_shared else found.letters).append(letter)
        if mail is not None and not is_shared:
            found.mails.add(mail)
    held = HeldMail.objects.filter(owner=owner).values_list("bucket", "key")
    found.mails.update(StoredMail(*where) for where in held)
    return found


def remove(found: Found, dead_letters: DeadLetters, delete: Delete) -> dict[str, int]:
    """Remove it; return how many rows, dead letters and mails went. Raises `MailsNotDeleted`."""
    removed: Counter[str] = Counter({"mails in S3": _delete_mails(found.mails, delete)})
    handled = list(
        handling.delete(dead_letters, found.letters, datetime.now(UTC), even_in_doubt=True)
    )
    removed["dead letters"] = sum(one.result is handling.Result.DELETED for one in handled)
    user = found.owner.user
    with transaction.atomic():
        removed["held mails"] = HeldMail.objects.filter(owner=found.owner).delete()[0]
        about = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(user), object_id=str(user.pk)
        )
        removed["entries of the admin's history"] = about.delete()[0]
        for table, number in user.delete()[1].items():
            removed[f"rows of {table}"] += number
    return dict(removed)


def search(found: Found, dead_letters: DeadLetters, now: datetime) -> dict[str, int]:
    """Count where an address of theirs is still found, by place; empty if nowhere."""
    left: Counter[str] = Counter()
    for place, texts in _columns():
        for address in found.addresses:
            whole = (
                rf"(^|[^[:alnum:]_.+-]){re.escape(address)}($|[^[:alnum:].-]|[.]($|[^[:alnum:]]))"
            )
            left[place] += texts.filter(_text__iregex=whole).count()
    for table in (RandomMask, DomainMask):
        for address in found.addresses:
            local, _, domain = address.rpartition("@")
            left["masks"] += table.objects.filter(local=local, domain=domain).count()
    if found.name is not None:
        left["names"] += Profile.objects.filter(subdomain=found.name).count()
    letters = handling.find(dead_letters, Filters(), now)
    left["dead letters"] += sum(found.is_in(_text_of(letter)) for letter in letters)
    return {place: number for place, number in left.items() if number}


def _columns() -> "Iterator[tuple[str, QuerySet[Any]]]":
    """Yield all columns of all tables that may hold a text, and their rows with it as `_text`."""
    for model in apps.get_models():
        table = model._meta  # noqa: SLF001 - Django documents it
        for column in table.get_fields():
            if isinstance(column, Field) and column.get_internal_type() in _TEXTS:
                rows = QuerySet(model).annotate(_text=Cast(column.name, TextField()))
                yield f"{table.label}.{column.name}", rows


def _text_of(letter: DeadLetter) -> str:
    """Return all of a dead letter, as it reads without JSON's escapes."""
    try:
        return json.dumps(json.loads(letter.notification), ensure_ascii=False)
    except (ValueError, RecursionError):
        return letter.notification


@lru_cache(maxsize=1)
def _pattern(own: frozenset[str], name: str | None) -> re.Pattern[str]:
    """Match an address of theirs, with any tag, and any mask under their name.

    In a longer word it is another address that ends, or begins, like theirs.
    """
    ways = []
    for address in sorted(own):
        local, _, domain = address.rpartition("@")
        ways.append(rf"{re.escape(local)}(?:\+[^\s@<>\"]{{0,64}})?@{re.escape(domain)}")
    theirs = rf"(?<![\w.+-])(?:{'|'.join(ways)})(?![\w-]|\.\w)"
    return re.compile(theirs + (rf"|@{re.escape(name)}\." if name else ""), re.IGNORECASE)


def _whose(letter: DeadLetter, found: Found) -> tuple[bool, StoredMail | None]:
    """Return whether others have a part in a dead letter, and the mail that it is about."""
    try:
        notification = notifications.parse(letter.notification)
    except Refused:
        return False, None
    if not isinstance(notification, Received):
        return False, None
    recipients = (addresses.parse(text) for text in notification.recipients)
    others = {one.untagged for one in recipients if one and not found.is_in(str(one))}
    is_shared = any(
        table.objects.filter(local=other.local, domain=other.domain).exists()
        for other in others
        for table in (RandomMask, DomainMask)
    )
    content = notification.content
    return is_shared, content if isinstance(content, StoredMail) else None


def _delete_mails(mails: Collection[StoredMail], delete: Delete) -> int:
    by_bucket: defaultdict[str, list[str]] = defaultdict(list)
    for mail in sorted(mails, key=lambda one: (one.bucket, one.key)):
        by_bucket[mail.bucket].append(mail.key)
    failures: dict[str, str] = {}
    for bucket, keys in by_bucket.items():
        for start in range(0, len(keys), _S3_BATCH):
            failures |= delete(bucket, keys[start : start + _S3_BATCH])
    if failures:
        raise MailsNotDeleted(", ".join(sorted(set(failures.values()))))
    return len(mails)
