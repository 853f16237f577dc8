"""Which of Redis's answers mean that another server may accept the command."""

from typing import Any

import pytest
import redis
from redis.exceptions import RedisError

from runtime.redis_client import says_to_try_elsewhere

PARSER: Any = redis.Connection()._get_parser()  # type: ignore[no-untyped-call]
SHA = "d8f2fad9f8e86a53d2a6ebd960b33c4972cacc37"

ELSEWHERE = [
    "READONLY You can't write against a read only replica.",
    f"READONLY You can't write against a read only replica. script: {SHA}, on @user_script:1.",
    (
        f"ERR Error running script (call to f_{SHA}): @user_script:35: @user_script: 35: "
        "-READONLY You can't write against a read only replica."
    ),
    "READONLY Can not run script with write flag on readonly replica",
    "EXECABORT Transaction discarded because of: READONLY You can't write against a replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "LOADING Redis is loading the dataset in memory",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "NOREPLICAS Not enough good replicas to write.",
    "CLUSTERDOWN The cluster is down",
]

HERE = [
    "OOM command not allowed when used memory > 'maxmemory'.",
    (
        f"ERR Error running script (call to f_{SHA}): @user_script:22: "
        "-OOM command not allowed when used memory > 'maxmemory'."
    ),
    "NOSCRIPT No matching script. Please use EVAL.",
    "NOPERM this user has no permissions to run the 'info' command",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "ERR unknown command 'LOADING', with args beginning with: ",
    "ERR value is READONLY",
]


def parsed(answer: str) -> RedisError:
    """Return the error that redis-py makes of an answer."""
    error = PARSER.parse_error(answer)
    assert isinstance(error, RedisError)
    return error


@pytest.mark.parametrize("answer", ELSEWHERE)
def test_an_answer_of_a_server_that_takes_no_writes_says_to_try_elsewhere(answer: str) -> None:
    assert says_to_try_elsewhere(parsed(answer))


@pytest.mark.parametrize("answer", HERE)
def test_any_other_error_would_be_the_same_on_a_new_connection(answer: str) -> None:
    assert not says_to_try_elsewhere(parsed(answer))
