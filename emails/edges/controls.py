"""The operators' controls, as the flow sees them."""

from emails.values.freezes import Freeze, FreezeKind
from runtime.controls.values import Action
from runtime.controls.watch import ControlWatch

_KINDS = {
    Action.FREEZE_MASK: FreezeKind.MASK,
    Action.FREEZE_OWNER: FreezeKind.OWNER,
    Action.FREEZE_DOMAIN: FreezeKind.DOMAIN,
    Action.FREEZE_REASON: FreezeKind.REASON,
}


class WatchedControls:
    """The controls that this process knows of: at most a second old."""

    def __init__(self, watch: ControlWatch) -> None:
        self._watch = watch

    def is_sending_paused(self) -> bool:
        """Return whether nothing may be sent."""
        return self._watch.is_paused(Action.PAUSE_SENDING)

    def freezes(self) -> tuple[Freeze, ...]:
        """Return the freezes in force, the oldest first."""
        return tuple(
            Freeze(one.id, _KINDS[one.action], one.target)
            for one in self._watch.find_active()
            if one.action in _KINDS
        )
