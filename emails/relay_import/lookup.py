"""What the workers find at the predecessor's: masks and reply records that are not here yet."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import psycopg

from emails.config import DomainConfig
from emails.relay_import import models, run, schema
from emails.relay_import.reply_record import OldKeys, Unreadable, derive, read
from emails.relay_import.setup import settings_of
from emails.relay_import.source import Source, SourceUnavailable
from emails.relay_import.steps import STEPS
from emails.rules.addresses import MaskRecipient
from emails.store.database import raises_not_finished
from emails.store.lookups import find_mask_by_ref
from emails.values.errors import NotFinished
from emails.values.facts import MaskKind, MaskRef, ReplyFacts
from emails.values.outcomes import RetryReason

logger = logging.getLogger(__name__)

_STATEMENT_SECONDS = 5
_REST_SECONDS = 5
"""How long nobody tries again after a failure: a try may take seconds of a worker's thread."""

T = TypeVar("T")

_BY_NAME = {step.name: step for step in STEPS}


class FirefoxRelay:
    """The predecessor: its database, while RELAY_SOURCE_DATABASE_URL is set, and what was imported.

    Each thread has a connection of its own, from its first question on. Methods raise
    `NotFinished` if the source, or our own database, can't be asked.
    """

    def __init__(self, config: DomainConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._clock = clock
        self._local = threading.local()
        self._rests_until = float("-inf")

    def take_mask(self, recipient: MaskRecipient) -> bool:
        """Import the mask with this address, or the owner of its name; return whether it has any.

        Of a name's owner the mask may be new: then mail creates it, as everywhere.
        """
        source = self._source()
        if source is None:
            return False
        local, domain = recipient.address.local, recipient.address.domain
        if recipient.name is None:
            number = self._number_of(domain)
            return number is not None and self._ask(
                lambda: self._take_random(
                    source, schema.RANDOM_BY_EXACT_ADDRESS, local=local, domain=number
                )
            )
        name = recipient.name
        return self._ask(lambda: self._take_domain(source, name, local))

    def find_reply(self, quoted_ids: Sequence[str]) -> ReplyFacts | None:
        """Find the thread of a reply to a mail that the predecessor forwarded."""
        keys = {key.lookup: key for key in map(derive, quoted_ids)}
        return _find_imported(keys) or self._find_at_source(keys)

    def _find_at_source(self, keys: dict[str, OldKeys]) -> ReplyFacts | None:
        source = self._source()
        if source is None or not keys:
            return None
        rows = self._ask(
            lambda: source.fetch(
                schema.SourceReply, schema.REPLIES, schema.BY_LOOKUP, lookups=list(keys)
            )
        )
        found = {row.lookup: row for row in rows}
        for lookup, key in keys.items():
            row = found.get(lookup)
            mask = self._ask(partial(self._mask_of, source, row)) if row else None
            if row and mask and (facts := _facts(row.metadata, key, mask)):
                return facts
        return None

    def _mask_of(self, source: Source, row: schema.SourceReply) -> MaskRef | None:
        """Find our mask for a record of the source; import it if it is not here."""
        if row.random_mask is not None:
            if _linked(models.ImportedRandomMask, row.random_mask) is None:
                self._take_random(source, "main.id = %(id)s", id=row.random_mask)
            key = _linked(models.ImportedRandomMask, row.random_mask)
            return MaskRef(MaskKind.RANDOM, key) if key else None
        if row.domain_mask is None:
            return None
        if _linked(models.ImportedDomainMask, row.domain_mask) is None:
            masks = source.fetch(
                schema.SourceMask, schema.DOMAIN_MASKS, "main.id = %(id)s", id=row.domain_mask
            )
            self._load(source, "domain_masks", masks)
        key = _linked(models.ImportedDomainMask, row.domain_mask)
        return MaskRef(MaskKind.DOMAIN, key) if key else None

    def _take_random(self, source: Source, where: str, **values: Any) -> bool:
        masks = source.fetch(schema.SourceMask, schema.RANDOM_MASKS, where, **values)
        self._load(source, "random_masks", masks)
        return bool(masks)

    def _take_domain(self, source: Source, name: str, local: str) -> bool:
        owners = source.fetch(
            schema.SourceOwner, schema.OWNERS, "profile.subdomain = %(name)s", name=name
        )
        masks = source.fetch(
            schema.SourceMask,
            schema.DOMAIN_MASKS,
            schema.DOMAIN_BY_ADDRESS,
            name=name,
            local=local,
        )
        self._load_owners(owners)
        self._load(source, "domain_masks", masks)
        return bool(owners)

    def _load(self, source: Source, step: str, masks: list[schema.SourceMask]) -> None:
        if not masks:
            return
        owners = source.fetch(
            schema.SourceOwner,
            schema.OWNERS,
            "main.id = ANY(%(ids)s)",
            ids=[mask.owner for mask in masks],
        )
        self._load_owners(owners)
        run.load_some(_BY_NAME[step], list(masks), settings_of(self._config, datetime.now(UTC)))

    def _load_owners(self, owners: list[schema.SourceOwner]) -> None:
        if owners:
            settings = settings_of(self._config, datetime.now(UTC))
            run.load_some(_BY_NAME["owners"], list(owners), settings)

    def _number_of(self, domain: str) -> int | None:
        domains = (self._config.first_domain, self._config.second_domain)
        return domains.index(domain) + 1 if domain in domains else None

    def _source(self) -> Source | None:
        if self._config.source_database_url is None:
            return None
        if not hasattr(self._local, "source"):
            self._local.source = Source(self._config.source_database_url, _STATEMENT_SECONDS)
        source: Source = self._local.source
        return source

    @raises_not_finished
    def _ask(self, question: Callable[[], T]) -> T:
        if self._clock() < self._rests_until:
            raise NotFinished(RetryReason.SOURCE_UNAVAILABLE)
        try:
            return question()
        except (SourceUnavailable, psycopg.Error) as error:
            self._rests_until = self._clock() + _REST_SECONDS
            logger.warning("source not readable", extra={"error_code": _code_of(error)})
            raise NotFinished(RetryReason.SOURCE_UNAVAILABLE) from error


def _code_of(error: Exception) -> str:
    return str(getattr(error, "sqlstate", None) or error or type(error).__name__)[:40]


@raises_not_finished
def _find_imported(keys: dict[str, OldKeys]) -> ReplyFacts | None:
    rows = models.ImportedReply.objects.filter(lookup__in=list(keys))
    found = {row.lookup: row for row in rows}
    for lookup, key in keys.items():
        if (row := found.get(lookup)) is None:
            continue
        if row.random_mask_id is not None:
            mask = MaskRef(MaskKind.RANDOM, row.random_mask_id)
        elif row.domain_mask_id is not None:
            mask = MaskRef(MaskKind.DOMAIN, row.domain_mask_id)
        else:
            continue
        if facts := _facts(row.metadata, key, mask):
            return facts
    return None


def _facts(metadata: str, key: OldKeys, mask: MaskRef) -> ReplyFacts | None:
    try:
        thread = read(metadata, key)
    except Unreadable:
        return None
    found = find_mask_by_ref(mask)
    if found is None:
        return None
    return ReplyFacts(
        mask=found.mask,
        owner=found.owner,
        correspondent=thread.correspondent,
        message_id=thread.message_id,
        references=thread.references,
    )


def _linked(table: Any, source_id: int) -> int | None:
    key: int | None = (
        table.objects.filter(source_id=source_id).values_list("mask_id", flat=True).first()
    )
    return key
