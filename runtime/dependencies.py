"""What the relay depends on and can lose: the names of the circuit breakers. Pure."""

from enum import StrEnum


class Dependency(StrEnum):
    """Something outside whose fault is no message's fault. The values appear in logs and metrics.

    `CONFIGURATION` is what operators set up: settings, the subscription, migrations.
    """

    SES = "ses"
    S3 = "s3"
    DATABASE = "database"
    REDIS = "redis"
    CERTIFICATES = "certificates"
    CONFIGURATION = "configuration"
