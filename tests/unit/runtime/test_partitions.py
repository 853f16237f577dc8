"""Our table of AWS's partitions says what botocore's own does."""

import re
from typing import Any

import botocore.session
import pytest

from runtime.partitions import PARTITIONS, TOPIC_ARN, host_of, partition_of, region_of_topic


def _botocores() -> list[Any]:
    loader = botocore.session.get_session().get_component("data_loader")
    partitions: list[Any] = loader.load_data("partitions")["partitions"]
    return partitions


BOTOCORES = {partition["id"]: partition for partition in _botocores()}
REGIONS = [
    (partition, region)
    for partition, known in BOTOCORES.items()
    for region in known["regions"]
    if not region.endswith("-global")
]


def test_no_partition_is_missing() -> None:
    assert {one.name: one.domain for one in PARTITIONS} == {
        name: known["outputs"]["dnsSuffix"] for name, known in BOTOCORES.items()
    }


@pytest.mark.parametrize(("partition", "region"), REGIONS)
def test_each_region_belongs_to_its_partition_alone(partition: str, region: str) -> None:
    assert [one.name for one in PARTITIONS if re.fullmatch(one.regions, region)] == [partition]


@pytest.mark.parametrize(("partition", "region"), REGIONS)
def test_a_topic_belongs_to_a_region_of_its_own_partition(partition: str, region: str) -> None:
    assert region_of_topic(f"arn:{partition}:sns:{region}:123456789012:mail") == region
    for other in BOTOCORES.keys() - {partition}:
        assert region_of_topic(f"arn:{other}:sns:{region}:123456789012:mail") is None


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "sns.us-east-1.amazonaws.com"),
        ("cn-north-1", "sns.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "sns.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "sns.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", "sns.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "sns.us-isob-east-1.sc2s.sgov.gov"),
        # A country that has no region yet.
        ("xy-north-1", "sns.xy-north-1.amazonaws.com"),
    ],
)
def test_a_services_host_is_below_its_partitions_domain(region: str, host: str) -> None:
    assert host_of("sns", region) == host


@pytest.mark.parametrize(
    "region",
    [
        "",
        "local",
        "aws-global",
        "us-east-1\n",
        "us-east-\u0661",
        "us-east-1.evil",
        "US-EAST-1",
        "s3-us-east-1",
    ],
)
def test_no_other_name_is_a_region(region: str) -> None:
    assert partition_of(region) is None
    assert host_of("sns", region) is None


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sns:us-east-1:1:a:b",
        "arn:aws:sns:us-east-1:1:",
        "arn:aws:sqs:us-east-1:1:t",
        "arn:aws:sns:us-east-1:1:t\n",
    ],
)
def test_no_other_name_is_a_topic(arn: str) -> None:
    assert region_of_topic(arn) is None
    assert re.fullmatch(TOPIC_ARN, arn) is None
