"""The two servers that play AWS, for cases that both must pass."""

from collections.abc import Callable, Iterator

import pytest

from bench.aws.fast_aws import FastAws
from relay.local.aws import SimulatedAws

_PLAYED_BY = ("moto", "bench.aws")


@pytest.fixture(scope="session")
def fast_aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAws]:
    """The fast local AWS."""
    aws = FastAws(tmp_path_factory.mktemp("fast-aws"))
    yield aws
    aws.stop()


@pytest.fixture
def fast_aws(fast_aws_server: FastAws) -> FastAws:
    """The same, with empty queues and an empty bucket, and nothing going wrong."""
    fast_aws_server.reset()
    return fast_aws_server


@pytest.fixture(params=_PLAYED_BY)
def any_aws(request: pytest.FixtureRequest) -> SimulatedAws:
    """Each of the two, in turn."""
    aws: SimulatedAws = request.getfixturevalue("aws" if request.param == "moto" else "fast_aws")
    return aws


def moto_differs(reason: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a case in which moto, and not the fast AWS, does other than AWS; it is held to that."""
    moto, fast = _PLAYED_BY
    failing = pytest.param(moto, marks=pytest.mark.xfail(strict=True, reason=reason))
    return pytest.mark.parametrize("any_aws", [failing, fast], indirect=True)
