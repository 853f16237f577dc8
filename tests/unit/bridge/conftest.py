"""Fixtures for the bridge's tests."""

from collections.abc import Iterator

import pytest

from tests.unit.bridge.certificate_host import PEM, CertificateHost, answer_of
from tests.unit.bridge.parking_world import World


@pytest.fixture
def host() -> Iterator[CertificateHost]:
    """A host that has a certificate."""
    with CertificateHost(answer_of(PEM)) as host:
        yield host


@pytest.fixture
def world() -> World:
    """A bridge at a queue and a host of certificates that may be down."""
    return World()
