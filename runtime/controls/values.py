"""What a control is: who orders what, why, and until when. Pure."""

import re
import uuid
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a control does. The freezes hold mail that would be forwarded; nothing is dropped."""

    PAUSE_RECEIVING = "pause-receiving"
    """Bridges receive nothing from SQS."""

    PAUSE_SENDING = "pause-sending"
    """Workers send nothing through SES; mails wait in SQS and Redis."""

    FREEZE_MASK = "freeze-mask"
    FREEZE_OWNER = "freeze-owner"
    FREEZE_DOMAIN = "freeze-domain"
    FREEZE_REASON = "freeze-reason"

    @property
    def is_pause(self) -> bool:
        """Whether it stops the whole relay, and so has no target."""
        return self in (Action.PAUSE_RECEIVING, Action.PAUSE_SENDING)


HOUR_SECONDS = 3600
MAX_PAUSE_SECONDS = 72 * HOUR_SECONDS
"""A pause must not outlast what a queue keeps: four days by SQS's default, 14 by our Terraform."""

MAX_FREEZE_SECONDS = 14 * 24 * HOUR_SECONDS
MAX_WHY = 200

_MAX_BY = 100
_TARGETS = {
    Action.FREEZE_MASK: (
        re.compile(r"(random|domain)-[1-9][0-9]{0,17}"),
        "a mask's id, such as random-12",
    ),
    Action.FREEZE_OWNER: (re.compile(r"[1-9][0-9]{0,17}"), "the id of an owner's profile"),
    Action.FREEZE_DOMAIN: (
        re.compile(r"(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+"),
        "a domain in lower case, such as example.com",
    ),
    Action.FREEZE_REASON: (re.compile(r"[a-z_]{1,40}"), "the reason of an outcome"),
}


class NotAllowed(ValueError):
    """Such a control can't be; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control. `by` ordered it, in `since_ms`; it ends at `until_ms`, or ended before.

    `target`: the mask's id, the owner's id, the sender's domain or the outcome's reason.
    """

    id: str
    action: Action
    target: str
    by: str
    why: str
    since_ms: int
    until_ms: int
    ended_ms: int | None = None
    ended_by: str = ""

    def is_active(self, now_ms: int) -> bool:
        """Return whether it is in force."""
        return self.ended_ms is None and now_ms < self.until_ms

    @property
    def what(self) -> str:
        """What it does, in words: `sending paused`, `owner 7 frozen`."""
        verb, _, noun = self.action.partition("-")
        participle = {"pause": "paused", "freeze": "frozen"}[verb]
        return " ".join(filter(None, (noun, self.target, participle)))


def order(
    action: Action, target: str, *, by: str, why: str, now_ms: int, seconds: float
) -> Control:
    """Make a control that is in force for `seconds`. Raises `NotAllowed`."""
    by, why = by.strip(), why.strip()
    most = MAX_PAUSE_SECONDS if action.is_pause else MAX_FREEZE_SECONDS
    if not 0 < seconds <= most:
        hours = most // HOUR_SECONDS
        raise NotAllowed(f"{action} must end after {hours} hours at most, and not at once")
    if not why or len(why) > MAX_WHY or not why.isprintable():
        raise NotAllowed(f"say why, in one line of {MAX_WHY} characters at most")
    if not by or len(by) > _MAX_BY or not by.isprintable():
        raise NotAllowed("say who orders it")
    _check_target(action, target)
    until_ms = now_ms + int(seconds * 1000)
    return Control(uuid.uuid4().hex[:12], action, target, by, why, now_ms, until_ms)


def _check_target(action: Action, target: str) -> None:
    if action.is_pause:
        if target:
            raise NotAllowed(f"{action} has no target, but got {target!r}")
        return
    pattern, allowed = _TARGETS[action]
    if pattern.fullmatch(target) is None:
        raise NotAllowed(f"{action} takes {allowed}, but got {target!r}")
