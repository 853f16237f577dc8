"""How this process speaks to Redis."""

from redis.utils import HIREDIS_AVAILABLE


def test_commands_are_packed_and_answers_read_in_c() -> None:
    """redis-py falls back to Python without a word, also where hiredis is too old for it."""
    assert HIREDIS_AVAILABLE
