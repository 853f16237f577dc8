"""`python -m bridge`: reads the settings, runs the service, gives the exit code.

Exit codes: 0 after an order to stop or a finished drain; 1 if it was forced to exit, can't use its
queue, credentials or Redis, can't serve metrics, or is unhealthy; 2 for wrong settings or
arguments, or an unsupported Python.
"""

from runtime.interpreter import require_supported

# An older Python can't import what follows: say so, instead of how the import failed.
require_supported()

# The first takes memory that the others then take again, the second comes before redis itself.
import runtime.aws_endpoints
import runtime.redis_alone  # noqa: F401

# isort: split
import logging
import logging.config
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bridge import health_file
from bridge.command_line import read_arguments
from bridge.config import BridgeConfig
from bridge.ports import QueueUnusable
from bridge.reporter import ZEROES
from bridge.service import Service
from bridge.wiring import build_components, wait_until_ready
from runtime import tracing
from runtime.env import SettingsError, load
from runtime.logging import logging_settings
from runtime.malloc import share_arena
from runtime.metrics import set_up_metrics
from runtime.prometheus import MetricsNotServed, serve
from runtime.redis_client import RedisUnusable, connect_fail_fast
from runtime.sentry import set_up_sentry
from runtime.start import host_of
from runtime.tally import Tally

logger = logging.getLogger("bridge")

_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the bridge; returns its exit code."""
    arguments = read_arguments(argv, environ)
    try:
        config = load(BridgeConfig, {**environ, **arguments.settings})
    except SettingsError as error:
        _print_error(str(error))
        return 2
    if arguments.check_health:
        return _check_health(config)
    # Before any thread starts: threads inherit the mask, and one without it would take the signal
    # and end the process at once.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    share_arena()
    logging.config.dictConfig(logging_settings(config.log_format, config.verbosity))
    set_up_sentry(config, django=False)
    try:
        _run(config, drain=arguments.drain, is_replay=arguments.is_replay)
    except QueueUnusable as error:
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


def run_from_command_line() -> None:
    """Run the bridge as `python -m bridge` and `mail-relay-bridge` do."""
    sys.exit(main(sys.argv[1:], os.environ))


def _run(config: BridgeConfig, *, drain: bool, is_replay: bool) -> None:
    stopping = threading.Event()
    components = build_components(config, stopping, is_replay=is_replay)
    service = Service(config, components, stopping, drain=drain)

    _handle_signals(service)
    tracing.start(config, "mail-relay-bridge")
    tally = Tally(connect_fail_fast(config.redis_url))
    set_up_metrics(config, tally, ZEROES)
    if config.metrics_backend == "prometheus":
        serve(config)
    logger.info(
        "bridge starting",
        extra={
            "queue": components.queue.queue_name,
            "redis": host_of(config.redis_url),
            "region": config.region,
            "topics": list(config.topics),
        },
    )
    try:
        if wait_until_ready(config, components, stopping):
            service.run()
    finally:
        tally.close()
        tracing.stop()


def _handle_signals(service: Service) -> None:
    """Stop at the first SIGTERM or SIGINT, exit at once at the second.

    A thread waits for them. A signal handler would interrupt the main thread, which may hold the
    very lock that stopping needs.
    """

    def wait_for_signals() -> None:
        signal.sigwait(_STOP_SIGNALS)
        service.stop("interrupt")
        signal.sigwait(_STOP_SIGNALS)
        logger.warning("bridge forced to leave")
        os._exit(1)

    threading.Thread(target=wait_for_signals, name="signals", daemon=True).start()


def _check_health(config: BridgeConfig) -> int:
    if config.health_path is None:
        _print_error("settings.PROCESS_EMAIL_HEALTHCHECK_PATH is empty: there is no health file")
        return 2
    max_age = timedelta(seconds=config.health_max_age_seconds)
    try:
        health_file.check(config.health_path, datetime.now(UTC), max_age)
    except health_file.StaleHealthFile as error:
        _print_error(str(error))
        return 1
    return 0


def _print_error(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    run_from_command_line()
