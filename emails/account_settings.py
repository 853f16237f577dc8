"""The settings about the account that we send with: its rate, and what AWS may think of it."""

from dataclasses import dataclass

from runtime.env import setting
from runtime.setting_kinds import Kind, boolean, integer, optional


def _percent() -> Kind[float]:
    def parse(value: str) -> float:
        number = float(value)
        if not 0.001 <= number <= 100:
            raise ValueError
        return number

    return Kind(parse, "a number from 0.001 to 100 (percent)")


@dataclass(frozen=True, kw_only=True)
class AccountConfig:
    """How the workers treat the account."""

    max_sends_per_second: int | None = setting(
        "AWS_SES_MAX_SEND_RATE",
        optional(integer(1, 100_000, "mails per second")),
        help="How many mails all workers together may send in a second, at most. They keep to the "
        "account's maximum send rate anyway, if they can read it, and slow down when SES says so. "
        "Empty: no further limit.",
        default="",
    )
    watches_account: bool = setting(
        "AWS_SES_WATCH_ACCOUNT",
        boolean(),
        help="Whether a worker asks SES each minute for the account's rate, quota and standing "
        "(`ses:GetAccount`).",
        default="true",
    )
    may_brake: bool = setting(
        "AWS_SES_BRAKES",
        boolean(),
        help="Whether the worst senders' mail is held while too many of the mails of 24 hours "
        "bounce or are reported as spam: before AWS pauses the account, and with it everybody's.",
        default="true",
    )
    max_bounce_percent: float = setting(
        "AWS_SES_MAX_BOUNCE_PERCENT",
        _percent(),
        help="From how many bounces on, in percent, that is. At 5 AWS reviews the account.",
        default="4",
    )
    max_complaint_percent: float = setting(
        "AWS_SES_MAX_COMPLAINT_PERCENT",
        _percent(),
        help="From how many complaints on, in percent, that is. At 0.1 AWS reviews the account.",
        default="0.08",
    )
