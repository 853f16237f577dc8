"""AWS's partitions: which regions each has, and the domain that its hosts are below. Pure.

The hosts of a region belong to whoever owns that domain, so a certificate counts only from the
domain of the topic's own partition: `sns.us-iso-east-1.amazonaws.com` is not AWS's SNS.

A test compares this table with botocore's own (`data/partitions.json`). Of the largest partition,
new countries' regions are taken without a new release.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Partition:
    """`regions` is a regular expression for the whole name; `domain` is what hosts end in."""

    name: str
    regions: str
    domain: str


PARTITIONS = (
    Partition("aws", r"(?!cn-)[a-z]{2}-[a-z]+-[0-9]{1,2}", "amazonaws.com"),
    Partition("aws-cn", r"cn-[a-z]+-[0-9]{1,2}", "amazonaws.com.cn"),
    Partition("aws-us-gov", r"us-gov-[a-z]+-[0-9]{1,2}", "amazonaws.com"),
    Partition("aws-eusc", r"eusc-[a-z]{2}-[a-z]+-[0-9]{1,2}", "amazonaws.eu"),
    Partition("aws-iso", r"us-iso-[a-z]+-[0-9]{1,2}", "c2s.ic.gov"),
    Partition("aws-iso-b", r"us-isob-[a-z]+-[0-9]{1,2}", "sc2s.sgov.gov"),
    Partition("aws-iso-e", r"eu-isoe-[a-z]+-[0-9]{1,2}", "cloud.adc-e.uk"),
    Partition("aws-iso-f", r"us-isof-[a-z]+-[0-9]{1,2}", "csp.hci.ic.gov"),
)

_DOMAINS = tuple(f".{partition.domain}" for partition in PARTITIONS)
_QUEUE_HOST = re.compile(r"https?://(?:[^/@:]+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.([^/@:]+)")


def region_of_queue(url: str) -> str | None:
    """Return the region that a queue's URL names; None if its host is not one of AWS's."""
    found = _QUEUE_HOST.match(url)
    return found[1] if found and f".{found[2]}".endswith(_DOMAINS) else None


REGION = "|".join(f"(?:{partition.regions})" for partition in PARTITIONS)
"""Matches the name of a region of any partition."""

TOPIC_ARN = "|".join(
    rf"(?:arn:{partition.name}:sns:(?:{partition.regions}):[0-9]+:[^:\s]+)"
    for partition in PARTITIONS
)
"""Matches the ARN of an SNS topic whose region belongs to its partition."""

_TOPIC = re.compile(TOPIC_ARN)


def partition_of(region: str) -> Partition | None:
    """Return the partition that a region belongs to. None: no region of AWS's."""
    return next((one for one in PARTITIONS if re.fullmatch(one.regions, region)), None)


def host_of(service: str, region: str) -> str | None:
    """Return a service's host in a region, such as `sns.us-east-1.amazonaws.com`."""
    partition = partition_of(region)
    return f"{service}.{region}.{partition.domain}" if partition else None


def region_of_topic(arn: str) -> str | None:
    """Return the region of an SNS topic. None: no topic's ARN."""
    return arn.split(":")[3] if _TOPIC.fullmatch(arn) else None
