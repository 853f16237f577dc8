"""A relay whose SQS is behind a proxy that counts."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import Relay
from tests.sqs_gate import SqsGate


@pytest.fixture
def sqs(relay: Relay) -> Iterator[SqsGate]:
    """The proxy between the bridges and SQS."""
    gate = SqsGate(relay.aws.endpoint)
    relay.stack.environ["AWS_ENDPOINT_URL_SQS"] = gate.url
    yield gate
    relay.stack.stop()
    gate.close()
