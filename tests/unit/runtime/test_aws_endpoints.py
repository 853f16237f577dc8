"""The shorter list of endpoints says the same about our services as botocore's own."""

from typing import Any

import botocore.session
import pytest
from botocore.regions import EndpointResolver

from runtime.aws import make_session

OURS = ("email", "oidc", "portal.sso", "s3", "signin", "sns", "sqs", "sts")


@pytest.fixture(scope="module")
def whole() -> Any:
    return botocore.session.get_session().get_data("endpoints")


@pytest.fixture(scope="module")
def ours() -> Any:
    return make_session("us-east-1")._session.get_data("endpoints")


@pytest.mark.parametrize("service", OURS)
def test_our_services_are_found_where_botocore_finds_them(
    whole: Any, ours: Any, service: str
) -> None:
    theirs, short = EndpointResolver(whole), EndpointResolver(ours)
    for partition in theirs.get_available_partitions():
        regions = theirs.get_available_endpoints(service, partition, allow_non_regional=True)
        assert short.get_available_endpoints(service, partition, True) == regions
        for region in [*regions, "xx-nowhere-9"]:
            for how in ({}, {"use_fips_endpoint": True}, {"use_dualstack_endpoint": True}):
                assert built(short, service, region, how) == built(theirs, service, region, how)


def built(resolver: EndpointResolver, service: str, region: str, how: Any) -> Any:
    try:
        return resolver.construct_endpoint(service, region, **how)
    except Exception as error:  # both must fail in the same way
        return type(error)


def test_the_services_that_clients_are_made_for_are_in_the_list(ours: Any) -> None:
    session = make_session("us-east-1")._session
    named = {
        session.get_service_model(service).endpoint_prefix
        for service in ("s3", "sesv2", "signin", "sns", "sqs", "sso", "sso-oidc", "sts")
    }

    assert named == set(OURS)


def test_sessions_share_the_list_and_keep_no_other_services(ours: Any) -> None:
    again = make_session("eu-west-1")._session

    assert again.get_data("endpoints") is ours
    assert all(set(OURS) >= one["services"].keys() for one in ours["partitions"])
