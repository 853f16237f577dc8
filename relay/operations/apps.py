"""The Django app of the operators' tools."""

import logging
import os

from django.apps import AppConfig

from relay.config import RelayConfig
from runtime.env import find_retired

logger = logging.getLogger(__name__)


class OperationsConfig(AppConfig):
    """Operations."""

    name = "relay.operations"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Log the settings that have no effect any more. Logging is set up by now."""
        for setting in find_retired(RelayConfig, os.environ):
            logger.warning(
                "setting retired", extra={"setting": setting.name, "instead": setting.instead}
            )
