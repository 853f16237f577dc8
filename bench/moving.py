"""Measures an import from Firefox Relay: `python -m bench.moving`, by default of a million masks.

Makes its database with as many rows as a large service has, imports it with `manage.py
import_relay`, then once more, and prints the time, the memory and what changed.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from relay.placeholder_settings import PLACEHOLDERS
from tools.local.firefox_relay import FIRST_DOMAIN, SECOND_DOMAIN, FirefoxRelay
from tools.local.postgres import LocalPostgres

_ROOT = Path(__file__).resolve().parent.parent

_ROWS = """
INSERT INTO auth_user (username, email)
    SELECT 'fxa' || n, 'owner' || n || '@home.example' FROM generate_series(1, {owners}) AS n;
INSERT INTO socialaccount_socialaccount (provider, user_id, extra_data)
    SELECT 'fxa', id, '{{"locale": "de,en", "subscriptions": ["premium-relay"], "uid": "'
        || md5(id::text) || '"}}' FROM auth_user;
INSERT INTO emails_profile (user_id, subdomain)
    SELECT id, CASE WHEN id % 10 = 0 THEN 'name' || id END FROM auth_user;
INSERT INTO emails_registeredsubdomain (subdomain_hash)
    SELECT encode(sha256(convert_to(subdomain || '.{domain}', 'UTF8')), 'hex')
    FROM emails_profile WHERE subdomain IS NOT NULL;
INSERT INTO emails_relayaddress
    (address, user_id, domain, enabled, description, num_forwarded, last_used_at)
    SELECT 'm' || substr(md5(n::text), 1, 9) || n, 1 + n % {owners}, 1 + n % 2, n % 5 > 0,
        'Shop ' || n, n % 100, now()
    FROM generate_series(1, {random}) AS n;
INSERT INTO emails_domainaddress (address, user_id, domain, num_forwarded)
    SELECT 'shop' || n, 10 * (1 + n % ({owners} / 10)), 2, n % 100
    FROM generate_series(1, {masks} - {random}) AS n;
INSERT INTO emails_deletedaddress (address_hash)
    SELECT encode(sha256(convert_to('gone' || n || '@{domain}', 'UTF8')), 'hex')
    FROM generate_series(1, {masks} / 5) AS n;
INSERT INTO emails_reply (lookup, encrypted_metadata, relay_address_id)
    SELECT translate(substr(encode(sha256(n::text::bytea), 'base64'), 1, 22), '+/', '-_') || '==',
        'h..' || repeat('n', 16) || '.' || repeat('c', 200) || '.' || repeat('t', 22),
        1 + n % {random}
    FROM generate_series(1, {masks} / 2) AS n;
ANALYZE;
"""


def main() -> None:
    """Make the databases, import twice, and print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--masks", type=int, default=1_000_000)
    masks = parser.parse_args().masks
    with tempfile.TemporaryDirectory(prefix="relay-moving-") as folder:
        postgres = LocalPostgres(Path(folder))
        try:
            _measure(postgres.url, masks)
        finally:
            postgres.stop()


def _measure(url: str, masks: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE theirs")
        connection.execute("CREATE DATABASE ours")
    theirs, ours = (
        urlunsplit(urlsplit(url)._replace(path=f"/{one}")) for one in ("theirs", "ours")
    )
    website = FirefoxRelay(theirs)
    website.create()
    owners, random = max(20, masks * 3 // 10), masks * 8 // 10
    website.run(_ROWS.format(owners=owners, random=random, masks=masks, domain=SECOND_DOMAIN))
    website.close()
    print(f"the source has {owners:,} owners and {masks:,} masks", flush=True)
    environment = {
        **os.environ,
        **PLACEHOLDERS,
        "SECRET_KEY": "a secret for the bench",
        "DATABASE_URL": ours,
        "RELAY_SOURCE_DATABASE_URL": theirs,
        "RELAY_FIREFOX_DOMAIN": FIRST_DOMAIN,
        "MOZMAIL_DOMAIN": SECOND_DOMAIN,
        "MASK_DOMAINS": f"{SECOND_DOMAIN},{FIRST_DOMAIN}",
    }
    _run("migrate", ["migrate", "--verbosity", "0"], environment)
    for name in ("the first import", "the second import"):
        _run(name, ["import_relay", "--role-may-write"], environment)


def _run(name: str, arguments: list[str], environment: dict[str, str]) -> None:
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{name}: exit code {done.returncode}, {took:.0f} s, {cpu:.0f} s of CPU, "
        f"at most {after.ru_maxrss / 1024:.0f} MiB\n{done.stdout}{done.stderr[-2000:]}",
        flush=True,
    )


if __name__ == "__main__":
    main()
