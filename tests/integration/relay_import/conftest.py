"""Firefox Relay's database beside ours, on the same server."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from emails.config import DomainConfig
from emails.models import DomainMask, Mask, RandomMask
from emails.relay_import.source import Source
from tools.local.firefox_relay import FIRST_DOMAIN, SECOND_DOMAIN, FirefoxRelay

PREMIUM = {"subscriptions": ["premium-relay"], "locale": "ja,de;q=0.8,en;q=0.5"}

_NAME = "firefox_relay"
_ROLE = "relay_reader"


def beside(url: str, name: str, role: str | None = None) -> str:
    """The URL of another database of the same server."""
    parts = urlsplit(url)._replace(path=f"/{name}")
    if role is not None:
        parts = parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}")
    return urlunsplit(parts)


@pytest.fixture
def source_url(database_url: str) -> str:
    """An empty database for Firefox Relay."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {_NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {_NAME}")
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [_ROLE]).fetchall():
            connection.execute(f"CREATE ROLE {_ROLE} LOGIN")
    return beside(database_url, _NAME)


@pytest.fixture
def website(source_url: str) -> Iterator[FirefoxRelay]:
    """Firefox Relay's website, which writes to its database."""
    website = FirefoxRelay(source_url)
    website.create()
    website.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {_ROLE}")
    yield website
    website.close()


@pytest.fixture
def reader_url(database_url: str, website: FirefoxRelay) -> str:
    """Its database, for a role that can only read."""
    return beside(database_url, _NAME, _ROLE)


@pytest.fixture
def source(reader_url: str) -> Iterator[Source]:
    """Its database, as an import reads it."""
    source = Source(reader_url)
    yield source
    source.close()


@pytest.fixture
def config(reader_url: str) -> Iterator[DomainConfig]:
    """The relay's settings while moving."""
    moving: DomainConfig = replace(
        settings.CONFIG,
        source_database_url=reader_url,
        first_domain=FIRST_DOMAIN,
        second_domain=SECOND_DOMAIN,
        mask_domains=(SECOND_DOMAIN, FIRST_DOMAIN),
    )
    with override_settings(CONFIG=moving):
        yield moving


def now() -> datetime:
    return datetime.now(UTC)


def imported(**options: Any) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    out = StringIO()
    try:
        call_command("import_relay", stdout=out, **options)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def mask_of(address: str) -> Mask:
    local, _, domain = address.partition("@")
    kind = RandomMask if domain in (FIRST_DOMAIN, SECOND_DOMAIN) else DomainMask
    return kind.objects.get(local=local, domain=domain)
