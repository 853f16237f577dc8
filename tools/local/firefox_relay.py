"""A stand-in for Firefox Relay's database: its tables as far as an import reads them, and what its
website writes there.

The shapes are those of its migrations of August 2026; docs/migration.md says what they mean.
"""

import hashlib
import json
import os
from datetime import UTC, datetime
from typing import Any

import psycopg

from emails.relay_import.reply_record import write

FIRST_DOMAIN, SECOND_DOMAIN = "first.example", "second.example"

_COUNTERS = """
    num_forwarded integer NOT NULL DEFAULT 0, num_blocked integer NOT NULL DEFAULT 0,
    num_spam integer NOT NULL DEFAULT 0, num_replied integer NOT NULL DEFAULT 0,
    num_level_one_trackers_blocked integer DEFAULT 0
"""
_MASK = f"""
    id serial PRIMARY KEY, address varchar(64) NOT NULL,
    user_id integer NOT NULL REFERENCES auth_user DEFERRABLE INITIALLY DEFERRED,
    domain smallint NOT NULL, enabled boolean NOT NULL DEFAULT true,
    block_list_emails boolean NOT NULL DEFAULT false, description varchar(64) NOT NULL DEFAULT '',
    used_on text, {_COUNTERS}, created_at timestamptz NOT NULL DEFAULT now(),
    last_modified_at timestamptz NOT NULL DEFAULT now(), last_used_at timestamptz
"""

SCHEMA = f"""
CREATE TABLE django_migrations (
    id serial PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL,
    applied timestamptz NOT NULL
);
CREATE TABLE auth_user (
    id serial PRIMARY KEY, username varchar(150) NOT NULL UNIQUE, email varchar(254) NOT NULL,
    is_active boolean NOT NULL DEFAULT true, date_joined timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE socialaccount_socialaccount (
    id serial PRIMARY KEY, provider varchar(200) NOT NULL,
    user_id integer NOT NULL REFERENCES auth_user DEFERRABLE INITIALLY DEFERRED,
    extra_data text NOT NULL
);
CREATE INDEX ON socialaccount_socialaccount (user_id);
CREATE TABLE emails_profile (
    id serial PRIMARY KEY,
    user_id integer NOT NULL UNIQUE REFERENCES auth_user DEFERRABLE INITIALLY DEFERRED,
    subdomain varchar(63) UNIQUE, auto_block_spam boolean NOT NULL DEFAULT false,
    remove_level_one_email_trackers boolean, last_hard_bounce timestamptz,
    last_soft_bounce timestamptz, last_account_flagged timestamptz,
    forwarded_first_reply boolean NOT NULL DEFAULT false,
    server_storage boolean NOT NULL DEFAULT true
);
CREATE TABLE emails_relayaddress (
    {_MASK}, generated_for varchar(255) NOT NULL DEFAULT '', UNIQUE (address)
);
CREATE TABLE emails_domainaddress (
    {_MASK}, first_emailed_at timestamptz, UNIQUE (user_id, address)
);
CREATE INDEX ON emails_relayaddress (user_id);
CREATE INDEX ON emails_relayaddress (last_modified_at);
CREATE INDEX ON emails_domainaddress (last_modified_at);
CREATE TABLE emails_deletedaddress (id serial PRIMARY KEY, address_hash varchar(64) NOT NULL);
CREATE TABLE emails_registeredsubdomain (
    id serial PRIMARY KEY, subdomain_hash varchar(64) NOT NULL UNIQUE,
    registered_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE emails_reply (
    id serial PRIMARY KEY, lookup varchar(255) NOT NULL, encrypted_metadata text NOT NULL,
    relay_address_id integer REFERENCES emails_relayaddress ON DELETE CASCADE,
    domain_address_id integer REFERENCES emails_domainaddress ON DELETE CASCADE,
    created_at date NOT NULL DEFAULT current_date
);
CREATE INDEX ON emails_reply (lookup);
CREATE TABLE emails_abusemetrics (
    id serial PRIMARY KEY,
    user_id integer NOT NULL REFERENCES auth_user DEFERRABLE INITIALLY DEFERRED,
    first_recorded timestamptz NOT NULL DEFAULT now(),
    num_replies_per_day smallint NOT NULL DEFAULT 0, UNIQUE (user_id, first_recorded)
);
INSERT INTO django_migrations (app, name, applied) VALUES
    ('contenttypes', '0001_initial', now()), ('auth', '0001_initial', now()),
    ('emails', '0001_initial', now()), ('privaterelay', '0001_initial', now());
"""


def sha256(text: str) -> str:
    """Hash as the predecessor does: without a key."""
    return hashlib.sha256(text.encode()).hexdigest()


class FirefoxRelay:
    """The website's side of the database. Each method commits."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def create(self) -> None:
        """Make the tables."""
        self.run(SCHEMA)

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows, if any."""
        text: Any = sql
        cursor = self._connection.execute(text, values or None)
        return cursor.fetchall() if cursor.description else []

    def _insert(self, table: str, **columns: Any) -> int:
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id"
        key: int = self.run(sql, *columns.values())[0][0]
        return key

    def add_owner(
        self,
        email: str,
        *,
        name: str | None = None,
        account: dict[str, Any] | str | None = None,
        has_profile: bool = True,
        **profile: Any,
    ) -> int:
        """Add an owner; `account` is what the identity provider said."""
        count = self.run("SELECT count(*) FROM auth_user")[0][0]
        user = self._insert("auth_user", username=f"fxa{count}", email=email)
        if account is not None:
            data = account if isinstance(account, str) else json.dumps(account)
            self._insert(
                "socialaccount_socialaccount", provider="fxa", user_id=user, extra_data=data
            )
        if has_profile:
            self._insert("emails_profile", user_id=user, subdomain=name, **profile)
        if name:
            digest = sha256(f"{name.lower()}.{SECOND_DOMAIN}")
            self._insert("emails_registeredsubdomain", subdomain_hash=digest)
        return user

    def add_mask(self, owner: int, address: str, domain: int = 2, **columns: Any) -> int:
        """Add a random mask."""
        values = {"user_id": owner, "address": address, "domain": domain, **columns}
        return self._insert("emails_relayaddress", **values)

    def add_domain_mask(self, owner: int, address: str, **columns: Any) -> int:
        """Add a mask at the owner's own name."""
        values = {"user_id": owner, "address": address, "domain": 2, **columns}
        return self._insert("emails_domainaddress", **values)

    def change_mask(self, key: int, **columns: Any) -> None:
        """Change a random mask, as a save does."""
        self._change("emails_relayaddress", key, last_modified_at=datetime.now(UTC), **columns)

    def change_profile(self, owner: int, **columns: Any) -> None:
        """Change an owner's profile."""
        key = self.run("SELECT id FROM emails_profile WHERE user_id = %s", owner)[0][0]
        self._change("emails_profile", key, **columns)

    def _change(self, table: str, key: int, **columns: Any) -> None:
        changes = ", ".join(f"{name} = %s" for name in columns)
        self.run(f"UPDATE {table} SET {changes} WHERE id = %s", *columns.values(), key)

    def delete_mask(self, key: int) -> None:
        """Delete a random mask: only its hash stays."""
        sql = "DELETE FROM emails_relayaddress WHERE id = %s RETURNING address, domain"
        ((address, domain),) = self.run(sql, key)
        text = address if domain == 1 else f"{address}@{SECOND_DOMAIN}"
        self._insert("emails_deletedaddress", address_hash=sha256(text))

    def add_reply(self, message_id: str, *, mask: int | None = None, **columns: Any) -> int:
        """Add the record of a forwarded mail: `columns` may name a `domain_mask`."""
        domain_mask = columns.pop("domain_mask", None)
        lookup, metadata = write(columns.pop("fields"), message_id, os.urandom(12))
        values = {"relay_address_id": mask, "domain_address_id": domain_mask, **columns}
        return self._insert("emails_reply", lookup=lookup, encrypted_metadata=metadata, **values)
