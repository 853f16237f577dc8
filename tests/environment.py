"""The environment of Django's settings in tests. Loaded by `-p tests.environment`.

All addresses are unreachable: fixtures start the servers that a test needs. A test that forgets its
fixture fails, instead of reaching servers that happen to run on the machine.
"""

import os

NOWHERE = "127.0.0.1:1"

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": f"http://{NOWHERE}",
    "AWS_REGION": "us-east-1",
    "AWS_S3_EMAIL_BUCKET": "mails",
    "AWS_SNS_TOPIC": "arn:aws:sns:us-east-1:123456789012:mail",
    "LEDGER_SECRETS": "a-ledger-secret-of-these-tests-alone",
    "MASK_DOMAINS": "masks.example",
    "REPLIES_ADDRESS": "replies@masks.example",
    "RELAY_FROM_ADDRESS": "relay@masks.example",
    "SECRET_KEY": "a secret for tests",
    "SITE_ORIGIN": "https://relay.example",
}

_IS_ONE_OF_SEVERAL = "PYTEST_XDIST_WORKER" in os.environ
"""Whether pytest-xdist started this process, so that it inherited the environment set below."""

GIVEN = {
    name: None if _IS_ONE_OF_SEVERAL else os.environ.get(name)
    for name in ("REDIS_URL", "DATABASE_URL")
}
"""Servers to use, from the caller's environment. None: start our own."""

os.environ.update(SETTINGS)
os.environ["REDIS_URL"] = f"redis://{NOWHERE}/0"
os.environ["DATABASE_URL"] = f"postgresql://nobody@{NOWHERE}/none"
