"""Mistakes in settings that passed unnoticed: each is one exact line, and shows no secret."""

import os
from typing import Any

import pytest

import tests.environment
from bridge.config import BridgeConfig
from relay.config import RelayConfig
from runtime.env import SettingsError, describe, load, retired
from runtime.known_names import KNOWN, PREFIXES
from runtime.partitions import region_of_queue

EUROPE = "https://sqs.eu-west-1.amazonaws.com/123456789012/mail"
GOOD = tests.environment.SETTINGS | {
    "DATABASE_URL": "postgresql://relay:pw@db.example/relay",
    "REDIS_URL": "redis://:pw@redis.example/0",
    "AWS_SQS_EMAIL_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/mail",
}
_REDIS = (
    "settings.REDIS_URL has invalid value '…': a URL such as redis://127.0.0.1:6379/0; a password "
    "in it is percent-encoded"
)


def said(declaration: Any, **changes: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load(declaration, GOOD | changes)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("PROCESS_EMAIL_MAX_SECOND", "PROCESS_EMAIL_MAX_SECONDS"),
        ("PROCESS_EMAIL_VISIBILTY_SECONDS", "PROCESS_EMAIL_VISIBILITY_SECONDS"),
        ("AWS_SES_CONFIG_SET", "AWS_SES_CONFIGSET"),
        ("AWS_SNS_TOPICS", "AWS_SNS_TOPIC"),
        ("HELD_MAIL_KEEP", "HELD_MAIL_KEEP_DAYS"),
    ],
)
@pytest.mark.parametrize("declaration", [BridgeConfig, RelayConfig])
def test_an_unknown_name_is_refused_with_the_nearest(
    declaration: Any, name: str, nearest: str
) -> None:
    line = f"settings.{name} has invalid value '…': there is no such setting; the nearest is "
    assert said(declaration, **{name: "x"}) == line + nearest


def test_all_processes_may_share_one_file_of_settings() -> None:
    every = {one.name: one.default or "" for one in describe(BridgeConfig)}
    load(RelayConfig, every | GOOD)
    every = {one.name: one.default or "" for one in describe(RelayConfig)}
    load(BridgeConfig, every | GOOD)


def test_the_known_names_are_the_declared_ones() -> None:
    declared = {one.name for each in (BridgeConfig, RelayConfig) for one in describe(each)}
    declared |= {one.name for each in (BridgeConfig, RelayConfig) for one in retired(each)}
    assert {name for name in declared if name.startswith(PREFIXES)} == KNOWN


@pytest.mark.parametrize("password", ["98/76", "98#76", "98?76", "pw/98", "pw#98", "/98"])
@pytest.mark.parametrize("user", ["", "relay"])
def test_a_password_that_ends_the_host_is_refused_and_not_shown(password: str, user: str) -> None:
    redis = f"redis://{user}:{password}@redis.example:6379/0"
    assert said(BridgeConfig, REDIS_URL=redis) == _REDIS
    line = said(RelayConfig, DATABASE_URL=f"postgresql://{user}:{password}@db.example/relay")
    assert line.startswith("settings.DATABASE_URL has invalid value '…': ")
    assert "98" not in line


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis.example",
        "redis://:p%2Fw%23@redis.example:6379/0",
        "rediss://u:p@redis.example/0?ssl_ca_certs=/path/ca.pem",
    ],
)
def test_a_right_url_is_taken(url: str) -> None:
    assert load(BridgeConfig, GOOD | {"REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///relay",
        "postgresql://relay@/relay",
        "postgresql://relay@:5432/relay?host=/run",
    ],
)
def test_a_database_may_be_behind_a_socket(url: str) -> None:
    if url.startswith("postgresql:///"):
        assert "DATABASE_URL" in said(RelayConfig, DATABASE_URL=url)
    else:
        assert load(RelayConfig, GOOD | {"DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("url", ["postgresql://relay@db.example", "postgresql://relay@db.example/"])
def test_a_database_has_a_name(url: str) -> None:
    assert "a database's name" in said(RelayConfig, DATABASE_URL=url)


@pytest.mark.parametrize("declaration", [BridgeConfig, RelayConfig])
@pytest.mark.parametrize("name", ["AWS_SQS_EMAIL_QUEUE_URL", "AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL"])
def test_a_queue_of_another_region_is_refused(declaration: Any, name: str) -> None:
    assert said(declaration, **{name: EUROPE}) == (
        f"settings.{name} has invalid value '{EUROPE}': a queue in AWS_REGION (us-east-1), "
        "not in eu-west-1"
    )


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (EUROPE, "eu-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/1/mail", "cn-north-1"),
        ("https://sqs-fips.us-gov-west-1.amazonaws.com/1/mail", "us-gov-west-1"),
        ("https://vpce-1-a.sqs.eu-west-1.vpce.amazonaws.com/1/mail", "eu-west-1"),
        ("http://127.0.0.1:4566/000000000000/mail", None),
        ("http://sqs.eu-west-1.localhost.localstack.cloud:4566/0/mail", None),
    ],
)
def test_the_region_of_a_queue_is_read_from_aws_s_hosts_only(url: str, region: str | None) -> None:
    assert region_of_queue(url) == region


@pytest.mark.parametrize(
    "site",
    [
        "https://relay.example/mail",
        "https://relay.example?a=b",
        "https://a@relay.example",
        "https:",
    ],
)
def test_a_site_with_a_path_is_refused(site: str) -> None:
    assert said(RelayConfig, SITE_ORIGIN=site) == (
        f"settings.SITE_ORIGIN has invalid value '{site}': the scheme and host of the site, "
        "https://relay.example, without a path"
    )


@pytest.mark.parametrize("site", ["https://relay.example", "https://relay.example/", "http://a:1"])
def test_a_site_without_a_path_is_taken(site: str) -> None:
    assert load(RelayConfig, GOOD | {"SITE_ORIGIN": site}).site_origin == site


def test_a_short_secret_key_is_refused_and_not_shown() -> None:
    assert said(RelayConfig, SECRET_KEY="x") == (
        "settings.SECRET_KEY has invalid value '…': a random text of at least 16 characters"
    )


def test_the_tests_own_environment_has_no_unknown_name() -> None:
    load(RelayConfig, os.environ)
