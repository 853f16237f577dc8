"""The two servers that play AWS, for cases that both must pass."""

from collections.abc import Callable

import pytest

from tools.local.aws import SimulatedAws

_PLAYED_BY = ("moto", "tools.aws")


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
