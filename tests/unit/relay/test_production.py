"""What the web process is like in production, where SITE_ORIGIN is https."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from relay.config import RelayConfig
from runtime.env import describe

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
NAMES = (
    "CSRF_COOKIE_SECURE",
    "DEBUG",
    "SECURE_HSTS_SECONDS",
    "SECURE_SSL_REDIRECT",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SECURE",
    "X_FRAME_OPTIONS",
)
SHOW = f"""
import json, django
from django.conf import settings
django.setup()
print(json.dumps({{name: getattr(settings, name) for name in {NAMES!r}}}))
"""


def environ(**changed: str) -> dict[str, str]:
    """Set what must be set, and nothing else: all the rest is as it ships."""
    required = {setting.name for setting in describe(RelayConfig) if setting.default is None}
    ours = {name: value for name, value in os.environ.items() if name in required}
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "relay.settings",
        **ours,
        "SECRET_KEY": secrets.token_urlsafe(64),
        **changed,
    }


def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environ(**changed),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def settings_with(**changed: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(run("-c", SHOW, **changed).stdout)
    return shown


def test_djangos_deployment_check_finds_nothing() -> None:
    checked = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("DEBUG", "true", "security.W018"),
        ("SECRET_KEY", "short, and long enough", "security.W009"),
        ("SITE_ORIGIN", "http://relay.example", "security.W008"),
    ],
)
def test_the_check_finds_what_is_not_for_production(
    setting: str, value: str, complaint: str
) -> None:
    checked = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **{setting: value})

    assert checked.returncode == 1
    assert complaint in checked.stderr


def test_cookies_and_pages_go_over_https_alone() -> None:
    assert settings_with(SITE_ORIGIN="https://relay.example") == {
        "CSRF_COOKIE_SECURE": True,
        "DEBUG": False,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_SSL_REDIRECT": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": True,
        "X_FRAME_OPTIONS": "DENY",
    }


def test_a_site_without_https_can_be_used_all_the_same() -> None:
    shown = settings_with(SITE_ORIGIN="http://127.0.0.1")

    assert not any(shown[name] for name in NAMES if name.endswith(("_SECURE", "_REDIRECT")))
