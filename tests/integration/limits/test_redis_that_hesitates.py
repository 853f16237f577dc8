"""A Redis that does not answer in time: the call is tried again, and nothing runs twice for it."""

import redis

from runtime.redis_client import connect


def test_a_call_that_timed_out_is_tried_again(redis_url: str) -> None:
    """Lesson 28: a TimeoutError is no ConnectionError; an acknowledgement that met one was lost."""
    pausing = redis.Redis.from_url(redis_url)
    client = connect(redis_url)
    client.connection_pool.connection_kwargs["socket_timeout"] = 0.2

    pausing.client_pause(400)

    assert client.ping()


def test_no_call_waits_for_ever(redis_url: str) -> None:
    settings = connect(redis_url).connection_pool.connection_kwargs

    assert settings["socket_timeout"] is not None
    assert settings["socket_connect_timeout"] is not None
