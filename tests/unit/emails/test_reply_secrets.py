"""Which secrets the keys of recorded things are derived from, and in which order."""

import os

import pytest

from emails.config import reply_secrets_of
from relay.config import RelayConfig
from runtime.env import load

KEY, OLD_KEY = "Django's key", "its old key"
NEW = "a new secret of ours"


@pytest.mark.parametrize(
    ("reply_secret", "fallbacks", "expected"),
    [
        ("", "", [KEY, OLD_KEY]),
        (NEW, "", [NEW]),
        (NEW, "old,older", [NEW, "old", "older"]),
        ("", "old", [KEY, "old", OLD_KEY]),
    ],
)
def test_the_newest_secret_is_first(reply_secret: str, fallbacks: str, expected: list[str]) -> None:
    settings = {"REPLY_SECRET": reply_secret, "REPLY_SECRET_FALLBACKS": fallbacks}
    config = load(RelayConfig, os.environ | settings)

    assert reply_secrets_of(config, KEY, [OLD_KEY]) == tuple(one.encode() for one in expected)
