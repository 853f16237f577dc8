"""The settings for moving from Firefox Relay, the predecessor: see docs/migration.md. No Django."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from runtime.env import Problem, setting
from runtime.setting_kinds import boolean, comma_separated, integer, matching, optional, text, url

_DOMAIN = matching(r"[^\s@:/<>,]+\.[^\s@:/<>,.]+", "a domain, such as masks.example")


@dataclass(frozen=True, kw_only=True)
class PredecessorConfig:
    """What is needed only while moving, or as long as old mails are replied to."""

    source_database_url: str | None = setting(
        "RELAY_SOURCE_DATABASE_URL",
        optional(
            url(
                "postgres",
                "postgresql",
                allowed="the URL of Firefox Relay's database, for a role that can only read",
                is_secret=True,
            )
        ),
        help="The database of Firefox Relay while moving from it: `manage.py import_relay` reads "
        "it, and workers look up masks and replies there that they don't know. Empty: not moving.",
        default="",
    )
    first_domain: str | None = setting(
        "RELAY_FIREFOX_DOMAIN",
        optional(_DOMAIN),
        help="Firefox Relay's setting: the domain of its oldest masks, which the database calls 1. "
        "It must be one of MASK_DOMAINS. Mail to `replies@` there is taken as owners' replies.",
        default="",
    )
    second_domain: str | None = setting(
        "MOZMAIL_DOMAIN",
        optional(_DOMAIN),
        help="Firefox Relay's setting: the domain of its other masks and of owners' names, which "
        "the database calls 2. It must be one of MASK_DOMAINS.",
        default="",
    )
    source_premium_names: tuple[str, ...] = setting(
        "RELAY_SOURCE_PREMIUM_NAMES",
        comma_separated(text("the name of a subscription")),
        help="The subscriptions that make an owner of Firefox Relay a premium owner.",
        default="premium-relay",
    )
    side_by_side: bool = setting(
        "RELAY_SIDE_BY_SIDE",
        boolean(),
        help="Whether Firefox Relay receives from the same queue. A reply whose thread is unknown "
        "here then goes back to the queue for it, instead of being dropped.",
        default="false",
    )
    side_by_side_releases: int = setting(
        "RELAY_SIDE_BY_SIDE_RELEASES",
        integer(1, 100),
        help="How often such a reply goes back before it is dropped after all. Each time costs a "
        "receive: keep it well below the queue's `maxReceiveCount`.",
        default="10",
    )

    @property
    def old_replies_address(self) -> str | None:
        """The address that owners reply to in mails that the predecessor forwarded."""
        return f"replies@{self.first_domain}" if self.first_domain else None

    def moving_problems(self, mask_domains: Collection[str]) -> Iterator[Problem]:
        """Check the values against each other."""
        names = {"RELAY_FIREFOX_DOMAIN": self.first_domain, "MOZMAIL_DOMAIN": self.second_domain}
        for name, domain in names.items():
            if domain is not None and domain not in mask_domains:
                yield Problem(name, domain, "one of MASK_DOMAINS: its masks get mail there")
            if domain is None and self.source_database_url is not None:
                yield Problem(name, None, "the same as for Firefox Relay: its masks lie there")
