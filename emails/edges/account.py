"""Asks SES about the account that we send with.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from emails.edges.aws import LateClient, answer_of, client_config
from emails.values.account import Account, Unreadable

if TYPE_CHECKING:
    import boto3


class SesAccount:
    """The account of a session's credentials."""

    def __init__(self, session: "boto3.session.Session") -> None:
        self._client = LateClient(session, "sesv2", client_config(attempts=1))

    def fetch(self) -> Account:
        """Ask SES. Raises `Unreadable`."""
        try:
            return account_of(self._client.get_account())
        except ClientError as error:
            raise Unreadable(answer_of(error).code) from error
        except BotoCoreError as error:
            raise Unreadable(type(error).__name__) from error


def account_of(answer: Mapping[str, Any]) -> Account:
    """Read SES's answer. Raises `Unreadable` if it lacks what we need."""
    try:
        quota = answer["SendQuota"]
        per_day = float(quota["Max24HourSend"])
        return Account(
            per_second=float(quota["MaxSendRate"]),
            # SES says -1 where it sets no quota.
            per_day=per_day if per_day >= 0 else None,
            sent_today=float(quota["SentLast24Hours"]),
            may_send=bool(answer["SendingEnabled"]),
            standing=str(answer["EnforcementStatus"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(type(error).__name__) from error
