"""How a server failed, for a log line: where it is, and its own words.

Only of errors that quote no data of ours: Redis's, and those of the queue, which name theirs.
"""

import redis

from runtime.redis_client import words_of


def fields_of(error: BaseException) -> dict[str, str]:
    """Return the fields of a log line about a failure: `error_type`, and what is known of `at`,
    host and port, and of `says`, the server's words.
    """
    known = {"at": _at_of(error), "says": _says_of(error)}
    return {"error_type": type(error).__name__} | {name: one for name, one in known.items() if one}


def _at_of(error: BaseException) -> str:
    """Return host and port of the server that failed; empty if the error doesn't say."""
    return str(getattr(error, "at", ""))


def _says_of(error: BaseException) -> str:
    """Return the server's words, or the system's; empty for an error that may quote a mail."""
    return words_of(error) if isinstance(error, redis.RedisError) else getattr(error, "says", "")
