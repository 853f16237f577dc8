"""What an import needs, from the relay's settings."""

from datetime import datetime, timedelta

from emails.config import DomainConfig
from emails.models import LANGUAGES
from emails.relay_import.convert import Rules
from emails.relay_import.source import SourceRefused
from emails.relay_import.steps import Settings


def settings_of(config: DomainConfig, now: datetime) -> Settings:
    """Return the steps' settings. Raises `SourceRefused` if the domains are not set."""
    if config.first_domain is None or config.second_domain is None:
        raise SourceRefused(
            "Set RELAY_FIREFOX_DOMAIN and MOZMAIL_DOMAIN as for Firefox Relay: its masks lie there."
        )
    old = (config.old_replies_address,) if config.old_replies_address else ()
    return Settings(
        rules=Rules(
            domains=(config.first_domain.lower(), config.second_domain.lower()),
            mask_domains=config.mask_domains,
            special=(config.replies_address, config.from_address, *old),
            premium_names=config.source_premium_names,
            languages=tuple(dict(LANGUAGES)),
        ),
        now=now,
        probe_wait=timedelta(seconds=config.mailbox_probe_wait_seconds),
        keep_replies=timedelta(days=config.reply_retention_days),
    )
