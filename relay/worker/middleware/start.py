"""Looks, before a worker begins, whether it can work with what it was given; and says what that is.

A Redis that evicts keys is refused, as the bridge refuses it. What is merely away is waited for:
the circuit breakers say so.
"""

import logging
import sys
from typing import TYPE_CHECKING

import dramatiq
from redis.exceptions import RedisError

from relay.config import RelayConfig
from relay.database.checks import check_database
from runtime.failures import fields_of
from runtime.redis_client import RedisUnusable, check_redis
from runtime.start import compare_clocks, host_of

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)


class Start(dramatiq.Middleware):
    """Checks Redis and the database of the worker process that it runs in."""

    def __init__(self, client: "Redis", config: RelayConfig) -> None:
        self._redis = client
        self._config = config

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Say what was understood, and check it. Ends the process if Redis may lose mail."""
        config = self._config
        logger.info(
            "worker starting",
            extra={
                "redis": host_of(config.redis_url),
                "database": host_of(config.database_url),
                "region": config.region,
                "bucket": config.bucket,
                "topics": list(config.topics),
            },
        )
        try:
            check_redis(self._redis)
            compare_clocks(self._redis)
        except RedisUnusable as error:
            logger.critical("worker can't use its redis", extra={"error": str(error)})
            sys.exit(1)
        except RedisError as error:
            logger.warning("redis not checked", extra=fields_of(error))
        check_database()
