"""`python -m bridge`: reads the settings, runs the service, gives the exit code.

Exit codes: 0 when it was stopped or has nothing left to do; 1 when it was forced to leave, can't
use the queue, the credentials or the Redis it was given, or is unhealthy; 2 for wrong settings or
arguments, and for a Python that is not supported.
"""

import logging
import logging.config
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bridge import health
from bridge.broker import RedisUnusable, connect_impatiently
from bridge.command_line import read_arguments
from bridge.config import BridgeConfig
from bridge.inbox import InboxUnusable
from bridge.service import Service
from bridge.wiring import build, wait_until_ready
from relay.env import SettingsError, load
from relay.interpreter import require_supported
from relay.logging import logging_settings
from relay.metrics import set_up_metrics
from relay.prometheus import MetricsNotServed, serve
from relay.sentry import set_up_sentry
from relay.tally import Tally

logger = logging.getLogger("bridge")

_ORDERS = frozenset({signal.SIGTERM, signal.SIGINT})


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the bridge; returns its exit code."""
    require_supported()
    arguments = read_arguments(argv, environ)
    try:
        config = load(BridgeConfig, {**environ, **arguments.settings})
    except SettingsError as error:
        _tell(str(error))
        return 2
    if arguments.check_health:
        return _check_health(config)
    # Here, before anything starts a thread: a thread that does not block them would get them, and
    # the process would end at once.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ORDERS)
    logging.config.dictConfig(logging_settings(config.log_format, config.verbosity))
    set_up_sentry(config, django=False)
    try:
        _run(config, drain=arguments.drain, is_second_chance=arguments.is_second_chance)
    except InboxUnusable as error:
        logger.critical(
            "bridge can't use its queue: check the URL, the credentials and their permissions",
            extra={"client_error_code": error.code, "queue_url": config.queue_url},
        )
        return 1
    except RedisUnusable as error:
        logger.critical("bridge can't use its redis", extra={"error": str(error)})
        return 1
    except MetricsNotServed as error:
        logger.critical("metrics can't be served", extra={"error": str(error)})
        return 1
    return 0


def _run(config: BridgeConfig, *, drain: bool, is_second_chance: bool) -> None:
    stopping = threading.Event()
    parts = build(config, stopping, is_second_chance=is_second_chance)
    service = Service(config, parts, stopping, drain=drain)

    # Before any other thread: they inherit that signals are blocked, and one that does not would
    # be ended by them, with the process.
    _obey_signals(service)
    tally = Tally(connect_impatiently(config.redis_url))
    set_up_metrics(config, tally)
    if config.metrics_backend == "prometheus":
        serve(config)
    logger.info("bridge starting", extra={"queue": parts.inbox.queue_name})
    try:
        if wait_until_ready(config, parts.inbox, stopping):
            service.run()
    finally:
        tally.close()


def _obey_signals(service: Service) -> None:
    """Stop at the first SIGTERM or SIGINT, leave at once at the second.

    A thread waits for them, rather than a handler interrupting whatever the main thread is doing:
    that may be holding the very lock which the order to stop needs.
    """

    def obey() -> None:
        signal.sigwait(_ORDERS)
        service.stop("interrupt")
        signal.sigwait(_ORDERS)
        logger.warning("bridge forced to leave")
        os._exit(1)

    threading.Thread(target=obey, name="signals", daemon=True).start()


def _check_health(config: BridgeConfig) -> int:
    if config.health_path is None:
        _tell("settings.PROCESS_EMAIL_HEALTHCHECK_PATH is empty: there is no health file")
        return 2
    max_age = timedelta(seconds=config.health_max_age_seconds)
    try:
        health.check(config.health_path, datetime.now(UTC), max_age)
    except health.Unhealthy as error:
        _tell(str(error))
        return 1
    return 0


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
