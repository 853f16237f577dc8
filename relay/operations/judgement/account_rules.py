"""The rules about the account that we send with. Pure. What is old is not judged."""

from emails.rules.reputation import Trouble, find_troubles, share
from emails.values.account import Account, AccountState, Sending
from relay.operations.judgement.causes import Cause
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.found import DENIED, Found

_FRESH_SECONDS = 900
"""For how long what was read is true. It is read each minute."""
_QUOTA_USED = 0.9


def paused(facts: Facts) -> Found | None:
    """Find that SES takes no mail from the account, before a send fails for it."""
    account = _fresh_account(facts)
    if account is None or not account.is_paused:
        return None
    why = "sending is switched off" if account.standing == "HEALTHY" else account.standing
    return Found(Cause.SES_PAUSED, f"AWS has paused sending: {why}", _state(facts).standing_since)


def under_review(facts: Facts) -> Found | None:
    """Find that AWS reviews the account."""
    account = _fresh_account(facts)
    if account is None or not account.is_under_review:
        return None
    return Found(
        Cause.SES_UNDER_REVIEW, "AWS reviews the sending account", _state(facts).standing_since
    )


def quota(facts: Facts) -> Found | None:
    """Find that the day's quota is nearly used."""
    account = _fresh_account(facts)
    if account is None or account.per_day is None or account.quota_used < _QUOTA_USED:
        return None
    used = f"{account.sent_today:,.0f} of {account.per_day:,.0f} mails in 24 hours"
    return Found(Cause.SES_QUOTA, f"SES's quota is nearly used: {used}")


def reputation(facts: Facts) -> Found | None:
    """Find that too much comes back, and whether mail is held for it."""
    state = _state(facts)
    if not _is_fresh(state.judged_at, facts.now) or state.sending is None:
        return None
    if state.held:
        number = len(state.held)
        whose = "one mask or sender" if number == 1 else f"{number} masks or senders"
        what = f"Mail of {whose} is held: {_said(state.sending)}"
        return Found(Cause.SENDERS_HELD, what, state.held_since)
    if not find_troubles(state.sending, facts.reputation):
        return None
    return Found(Cause.REPUTATION, f"Too much mail comes back: {_said(state.sending)}")


def unreadable(facts: Facts) -> Found | None:
    """Find that the account can't be read: at once where that is denied, else after a while."""
    state = _state(facts)
    since = state.failing_since
    if not state.failing or since is None:
        return None
    if state.failing not in DENIED and facts.now - since < _FRESH_SECONDS:
        return None
    return Found(Cause.ACCOUNT_UNREADABLE, f"SES's account can't be read: {state.failing}", since)


def _said(sending: Sending) -> str:
    return (
        f"of 24 hours' {sending.sent:,} mails {share(sending, Trouble.BOUNCES):.1%} bounced and "
        f"{share(sending, Trouble.COMPLAINTS):.2%} were reported as spam"
    )


def _state(facts: Facts) -> AccountState:
    return facts.account or AccountState()


def _fresh_account(facts: Facts) -> Account | None:
    state = _state(facts)
    return state.account if _is_fresh(state.read_at, facts.now) else None


def _is_fresh(at: float | None, now: float) -> bool:
    return at is not None and now - at < _FRESH_SECONDS
