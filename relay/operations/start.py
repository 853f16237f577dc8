"""What the web process says when it starts, as bridges and workers do, and what it looks at."""

import logging

from redis.exceptions import RedisError

from relay.config import RelayConfig
from relay.database.checks import check_database
from relay.operations.fail_fast import fail_fast_redis
from runtime.config import queue_name
from runtime.failures import fields_of
from runtime.redis_client import RedisUnusable, check_redis
from runtime.start import compare_clocks, host_of

logger = logging.getLogger(__name__)


def say_start(config: RelayConfig) -> None:
    """Say what was understood, and what is wrong with it. The process goes on, to show the rest."""
    logger.info(
        "web starting",
        extra={
            "origin": config.site_origin,
            "environment": config.sentry_environment,
            "redis": host_of(config.redis_url),
            "database": host_of(config.database_url),
            "region": config.region,
            "queue": queue_name(config.queue_url),
            "dead_letter_queue": queue_name(config.dead_letter_queue_url),
        },
    )
    client = fail_fast_redis(config.redis_url)
    try:
        check_redis(client)
        compare_clocks(client)
    except RedisUnusable as error:
        logger.error("web can't rely on its redis", extra={"error": str(error)})
    except RedisError as error:
        logger.warning("redis not checked", extra=fields_of(error))
    check_database()
