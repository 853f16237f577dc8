"""Keys stay what they are, since stored blocks and sent links were made with them."""

from runtime.derived_keys import derived_key


def test_a_key_is_rfc_5869s_for_the_secret_and_the_purpose() -> None:
    """RFC 5869, appendix A.3: no salt, and no purpose."""
    key = derived_key(b"\x0b" * 22, b"", 42)

    assert key.hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


def test_another_purpose_or_secret_gives_another_key() -> None:
    keys = {derived_key(secret, purpose, 32) for secret in (b"a", b"b") for purpose in (b"1", b"2")}

    assert len(keys) == 4
