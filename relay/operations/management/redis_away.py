"""What a command says of a Redis that fails."""

from django.conf import settings
from django.core.management.base import CommandError
from redis.exceptions import RedisError

from relay.operations.judgement.read import where
from runtime.redis_client import words_of


def redis_away(error: RedisError) -> CommandError:
    """Return the command's end: where Redis is, and its own words."""
    at = where(settings.CONFIG.redis_url)
    return CommandError(f"Redis ({at}) can't be asked: {words_of(error)}.")
