"""A collector of spans for whole processes."""

from collections.abc import Iterator

import pytest

from tests.collector import Collector
from tests.integration.conftest import Relay


@pytest.fixture
def collector(relay: Relay) -> Iterator[Collector]:
    """A collector that the relay's processes send to, often."""
    collector = Collector()
    relay.stack.environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    yield collector
    relay.stack.stop()
    collector.close()
