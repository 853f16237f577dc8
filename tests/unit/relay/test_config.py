"""What the Django processes refuse to start with."""

import os

import pytest

from relay.config import RelayConfig
from runtime.env import SettingsError, load


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Taken as they stand, all mail would be somebody else's: dropped, and deleted from S3.
        ("MASK_DOMAINS", "https://masks.example"),
        ("MASK_DOMAINS", "@masks.example"),
        ("MASK_DOMAINS", "masks.example other.example"),
        ("REPLIES_ADDRESS", "replies"),
        ("RELAY_FROM_ADDRESS", "Relay <relay>"),
        ("DATABASE_URL", "postgresql://relay@127.0.0.1:port/relay"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(RelayConfig, os.environ | {name: value})

    assert [problem.name for problem in caught.value.problems] == [name]


def test_domains_may_be_written_in_any_script_and_case() -> None:
    config = load(RelayConfig, os.environ | {"MASK_DOMAINS": "Masks.Example, mäsken.example"})

    assert config.mask_domains == ("Masks.Example", "mäsken.example")
