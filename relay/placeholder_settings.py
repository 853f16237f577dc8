"""Placeholder settings, so that commands that contact no server run without any setting."""

from collections.abc import MutableMapping, Sequence

_COMMANDS = frozenset(
    {"check_relay_environment", "collectstatic", "help", "preview_forward", "version"}
)
_HELP = frozenset({"-h", "--help", "--version"})

PLACEHOLDERS = {
    "AWS_REGION": "us-east-1",
    "AWS_S3_EMAIL_BUCKET": "mails",
    "AWS_SNS_TOPIC": "arn:aws:sns:us-east-1:000000000000:none",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "LEDGER_SECRETS": "only-for-commands-without-a-server",
    "MASK_DOMAINS": "masks.example",
    "RELAY_FROM_ADDRESS": "relay@masks.example",
    "REPLIES_ADDRESS": "replies@masks.example",
    "SECRET_KEY": "only for commands without a server",
    "SITE_ORIGIN": "https://relay.example",
}


def will_do(arguments: Sequence[str]) -> bool:
    """Return whether `manage.py` with these arguments contacts no server."""
    return not arguments or arguments[0] in _COMMANDS or not _HELP.isdisjoint(arguments)


def fill_in(environ: MutableMapping[str, str]) -> None:
    """Fill in the settings that are not set. Nothing exists at these addresses."""
    for name, value in PLACEHOLDERS.items():
        environ.setdefault(name, value)
